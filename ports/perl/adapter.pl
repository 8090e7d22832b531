# An adapter in Perl: it connects LuaSocketClient.pm to the runner, as PROTOCOL.md describes, over standard input and output.
#
# It contains only the protocol: JSON, handles, and calls in both directions. It needs only Perl 5.36; JSON::PP is not used,
# because it takes half a minute for a string of ten million bytes.
use v5.36;
no warnings 'experimental::builtin';
use builtin qw(blessed created_as_number false is_bool refaddr true);
use FindBin ();
use lib $FindBin::Bin;
use LuaSocketClient;

use constant PROTOCOL => 1;

# Standard output is for messages only; all other output goes to standard error.
open my $out, '>&', \*STDOUT or die "cannot keep standard output: $!";
open STDOUT, '>&', \*STDERR or die "cannot redirect standard output: $!";
$out->autoflush(1);
binmode $_ for *STDIN, $out;
$SIG{PIPE} = 'IGNORE';    # a send to a closed connection returns an error

# ---- JSON: an object is a hash, an array is an array; the rest is Lua's value in Perl ----

my %ESCAPED = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t", map { $_ => $_ } qw(" \\ /));

my $RUN = 4096;    # as many escapes as are dealt with at once; one by one, ten million of them take half a minute

# The value at pos($_[0]); dies of a line that is no JSON.
sub parse {
    if ($_[0] =~ /\G\s*"/gc) {
        my ($from, $end) = (pos $_[0], pos $_[0]);
        while (1) {
            $end = index $_[0], '"', $end;
            die "a string that does not end\n" if $end < 0;
            my $backslashes = 0;
            $backslashes++ while substr($_[0], $end - 1 - $backslashes, 1) eq '\\';
            last if $backslashes % 2 == 0;
            $end++;
        }
        my $text = substr $_[0], $from, $end - $from;
        pos($_[0]) = $end + 1;
        $text =~ s{((?:\\u00[0-9a-fA-F]{2}){1,$RUN})|\\(.?)}
            {defined $1 ? pack 'C*', unpack 'n*', pack 'H*', $1 =~ tr/\\u//dr : $ESCAPED{$2} // die "no byte: \\$2\n"}ge;
        return $text;
    }
    if ($_[0] =~ /\G\s*\[\s*/gc) {
        my @array;
        return \@array if $_[0] =~ /\G\]/gc;
        while (1) {
            push @array, parse($_[0]);
            return \@array if $_[0] =~ /\G\s*\]/gc;
            $_[0] =~ /\G\s*,/gc or die "an array that does not end\n";
        }
    }
    if ($_[0] =~ /\G\s*\{\s*/gc) {
        my %object;
        return \%object if $_[0] =~ /\G\}/gc;
        while (1) {
            my $key = parse($_[0]);
            $_[0] =~ /\G\s*:/gc or die "a key without a value\n";
            $object{$key} = parse($_[0]);
            return \%object if $_[0] =~ /\G\s*\}/gc;
            $_[0] =~ /\G\s*,/gc or die "an object that does not end\n";
        }
    }
    return 0 + $1 if $_[0] =~ /\G\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)/gc;
    return { true => true, false => false, null => undef }->{$1} if $_[0] =~ /\G\s*(true|false|null)\b/gc;
    die "no JSON\n";
}

sub quote ($text) {
    $text =~ s{([^ !#-\[\]-~]{1,$RUN})}{join '', map { "\\u$_" } unpack '(H4)*', pack 'n*', unpack 'C*', $1}ge;
    return qq("$text");
}

# ---- handles, and Lua's values as JSON ----

my (%object_of, %handle_of, $last_handle);    # number => object; identity of an object => number
my (%function_of, %number_of);                # the runner's functions: number => code; identity of the code => number

sub forget_all {
    (%object_of, %handle_of, %function_of, %number_of) = ();
    $last_handle = 0;
    return;
}
forget_all();

sub handle ($object) {
    my $number = $handle_of{ refaddr $object } //= ++$last_handle;
    $object_of{$number} = $object;
    return sprintf '{"handle":%d,"type":"%s"}', $number, LuaSocketClient::type($object);
}

sub object ($number) { return $object_of{$number} // die "no handle $number\n" }

sub encode ($value, %inside) {
    return 'null' if !defined $value;
    return $value ? 'true' : 'false' if is_bool $value;
    if (ref $value) {
        my $identity = refaddr $value;
        return qq({"function":$number_of{$identity}}) if $number_of{$identity};
        return handle($value) if $handle_of{$identity} || $inside{$identity} || !plain($value);
        return '{"table":['
            . join(',', map { '[' . encode($_->[0], %inside, $identity => 1) . ',' . encode($_->[1], %inside, $identity => 1) . ']' } $value->pairs)
            . ']}';
    }
    return quote($value) if !created_as_number $value;
    return '{"number":"nan"}' if $value != $value;
    return $value > 0 ? '{"number":"inf"}' : '{"number":"-inf"}' if abs $value == 9**9**9;
    return sprintf '%.17g', $value;
}

# Whether it is a table that holds no function.
sub plain ($value) {
    return blessed $value && $value->isa('Lua::Table') && !grep { ref $_ eq 'CODE' } map { @$_ } $value->pairs;
}

sub decode ($json) {
    return $json if !ref $json;
    return 0 + { inf => 9**9**9, '-inf' => -9**9**9, nan => -sin 9**9**9 }->{ $json->{number} } if exists $json->{number};
    return object($json->{handle}) if exists $json->{handle};
    return runners_function($json->{function}) if exists $json->{function};
    my $table = Lua::Table->new;
    $table->set(decode($_->[0]), decode($_->[1])) for $json->{table}->@*;
    return $table;
}

# ---- messages ----

sub write_line ($line) {
    print {$out} $line, "\n" or exit 1;
    return;
}

my @under_way;    # the ids of the requests under way, innermost last

sub runners_function ($number) {
    return $function_of{$number} //= do {
        my $function = sub (@values) {
            write_line(sprintf '{"id":%d,"callback":%d,"args":[%s]}', $under_way[-1], $number, join ',', map { encode($_) } @values);
            my $end = serve();
            exit 0 if !$end;
            Lua::Error->raise(decode($end->{value})) if $end->{op} eq 'raise';
            return map { decode($_) } $end->{values}->@*;
        };
        $number_of{ refaddr $function } = $number;
        $function;
    };
}

# Answer requests until the input ends (nil), or the innermost callback does: then its last message.
sub serve {
    while (defined(my $line = <STDIN>)) {
        my $request = eval { parse($line) };
        if (ref $request ne 'HASH' || !defined $request->{op}) {
            my $id = ref $request eq 'HASH' ? $request->{id} : undef;
            write_line(sprintf '{"id":%s,"fault":"not a request"}', encode($id));
            next;
        }
        return $request if $request->{op} =~ /^(?:return|raise)\z/ && @under_way;
        write_line(sprintf '{"id":%s,%s}', encode($request->{id}), answer($request));
        exit 0 if $request->{op} eq 'bye';
    }
    return undef;
}

my %LUA = (
    tostring => sub (@values) {
        my $value = $values[0];
        my $type  = LuaSocketClient::type($value);
        return $value if $type eq 'string';
        return LuaSocketClient::number_text($value) if $type eq 'number';
        return $type if $type eq 'nil';
        return $value ? 'true' : 'false' if $type eq 'boolean';
        return sprintf '%s: 0x%x', $value->isa('LuaSocketClient') ? $value->{class} : $type, refaddr $value if blessed $value;
        return sprintf '%s: 0x%x', $type, refaddr $value;
    },
    type     => sub (@values) { LuaSocketClient::type($values[0]) },
    rawequal => sub (@values) {
        return (ref $values[0] ? refaddr $values[0] : encode($values[0])) eq (ref $values[1] ? refaddr $values[1] : encode($values[1]));
    },
);

# What a path names, nil if nothing.
sub at_target ($target) {
    my ($root, $name, @deeper) = split /\./, $target;
    return undef if @deeper;
    return $root eq 'socket' ? $LuaSocketClient::MODULE{$name} : undef if defined $name;
    return $LUA{$root};
}

my %OPERATIONS = (
    describe => sub ($request) {
        return sprintf '"protocol":%d,"name":"LuaSocketClient.pm","version":%s,"dialect":"luasocket-3","runtime":"Perl %vd",'
            . '"capabilities":["gc","descriptors"]', PROTOCOL, quote(LuaSocketClient::VERSION), $^V;
    },
    call => sub ($request) {
        my @arguments = map { decode($_) } $request->{args}->@*;
        my ($function, $name);
        local ($LuaSocketClient::CALLED, $LuaSocketClient::BY_COLON) = ('?', 0);
        if (defined $request->{target}) {
            $function = at_target($name = $request->{target});
            $LuaSocketClient::CALLED = $name =~ s/.*\.//r;
        } elsif (defined $request->{method}) {
            unshift @arguments, my $object = object($request->{handle});
            $name     = ":$request->{method}";
            ($LuaSocketClient::CALLED, $LuaSocketClient::BY_COLON) = ($request->{method}, 1);
            $function = blessed $object ? LuaSocketClient::field($object, $request->{method}) : undef;
        } else {
            $function = object($request->{handle});
            Lua::Error->raise('attempt to call a ' . LuaSocketClient::type($function) . ' value') if ref $function ne 'CODE';
        }
        return '"missing":' . quote($name) if ref $function ne 'CODE';
        return returns($function->(@arguments));
    },
    get => sub ($request) {
        return returns(at_target($request->{target})) if defined $request->{target};
        my $object = object($request->{handle});
        return returns(blessed $object ? LuaSocketClient::field($object, $request->{field}) : undef);
    },
    set => sub ($request) {
        my ($root, $name, @deeper) = split /\./, $request->{target};
        die "cannot set $request->{target}\n" if $root ne 'socket' || !defined $name || @deeper;
        $LuaSocketClient::MODULE{$name} = decode($request->{value});
        return returns();
    },
    make    => sub ($request) { return '"returns":[' . handle(decode($request->{value})) . ']' },
    release => sub ($request) {
        delete $handle_of{ refaddr delete $object_of{$_} } for grep { $object_of{$_} } $request->{handles}->@*;
        return returns();
    },
    reset => sub ($request) {
        for my $object (values %object_of) {
            LuaSocketClient::close_it($object) if blessed $object && $object->isa('LuaSocketClient');
        }
        forget_all();
        return returns();
    },
    bye => sub ($request) { return returns() },
);

sub returns (@values) { return '"returns":[' . join(',', map { encode($_) } @values) . ']' }

# The answer to a request, without its id.
sub answer ($request) {
    my $operation = $OPERATIONS{ $request->{op} } // return '"fault":' . quote("no operation $request->{op}");
    push @under_way, $request->{id};
    my $answer = eval { $operation->($request) };
    my $error  = $@;
    pop @under_way;
    return $answer if defined $answer;
    return '"raises":' . encode($error->{value}) if blessed $error && $error->isa('Lua::Error');
    return '"fault":' . quote("$error");
}

serve();
