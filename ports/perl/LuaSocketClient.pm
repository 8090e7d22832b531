# LuaSocket's API for TCP clients, on Perl's own sockets.
#
# The behaviour of LuaSocket, without the protocol. Lua's nil is undef, true and false are Perl's booleans, a number is a scalar
# that was created as a number, a string is a string of bytes, a function is a code reference, a table is a Lua::Table, and an
# error is a Lua::Error. Every function takes and returns lists, as in Lua.
use v5.36;
no warnings 'experimental::builtin';

package Lua::Error {
    # What error() raises in Lua: `value` is any Lua value.
    sub raise ($class, $value) { die bless { value => $value }, $class }
}

package Lua::Exception {
    # What a try raises: the table around the message by which protect tells it from an ordinary error.
    sub new ($class, $message) { return bless { message => $message }, $class }
}

package Lua::Table {
    # A table: any value but nil is a key, and objects are keys by their identity.
    use builtin qw(created_as_number is_bool refaddr);

    sub new ($class, @list) {
        my $self = bless { pairs => {} }, $class;
        $self->set($_, $list[$_ - 1]) for 1 .. @list;
        return $self;
    }

    sub slot ($key) {
        return 'o' . refaddr $key if ref $key;
        return 'b' . ($key ? 1 : 0) if is_bool $key;
        return (created_as_number($key) ? 'n' : 's') . $key;
    }

    sub set ($self, $key, $value) {
        if (defined $value) { $self->{pairs}{ slot $key } = [$key, $value] }
        else                { delete $self->{pairs}{ slot $key } }
        return;
    }

    sub get ($self, $key) {
        my $pair = $self->{pairs}{ slot $key };
        return $pair ? $pair->[1] : undef;
    }

    # The objects of pairs, as LuaSocket's select returns them: keyed by their place, and their place by them.
    sub both_ways ($self, @pairs) {
        for my $place (1 .. @pairs) {
            my $object = $pairs[$place - 1][1];
            $self->set($place,  $object);
            $self->set($object, $place);
        }
        return $self;
    }

    sub pairs ($self) { return values $self->{pairs}->%* }
}

package LuaSocketClient {
    use builtin qw(blessed created_as_number is_bool);
    use Errno qw(EACCES EADDRINUSE EAGAIN EALREADY EBADF ECONNABORTED ECONNREFUSED ECONNRESET EINPROGRESS EINTR EISCONN ENOTCONN EPIPE
        ETIMEDOUT EWOULDBLOCK);
    use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
    use Scalar::Util ();
    use Socket qw(:DEFAULT :addrinfo);
    use Time::HiRes ();

    use constant {
        VERSION => 'LuaSocket 3.0.0',
        STEP    => 8192,                # as many bytes as LuaSocket moves in one system call
        SETSIZE => 1024,                # FD_SETSIZE of Linux
        ENDED   => 'ended',
    };

    # Texts of LuaSocket's own; every other error has the system's text.
    my %ERRORS = (
        EACCES()       => 'permission denied',
        EADDRINUSE()   => 'address already in use',
        EISCONN()      => 'already connected',
        ECONNREFUSED() => 'connection refused',
        ECONNABORTED() => 'closed',
        ECONNRESET()   => 'closed',
        ETIMEDOUT()    => 'timeout',
    );

    my %RESOLVER = (
        EAI_NONAME()  => 'host or service not provided, or not known',
        EAI_SERVICE() => 'service not supported for socket type',
    );

    sub error_text ($number) {
        return $ERRORS{$number} // do { local $! = $number; "$!" };
    }

    # The type of a value, in Lua's words.
    sub type ($value) {
        return 'nil'     if !defined $value;
        return 'boolean' if is_bool $value;
        if (my $reference = ref $value) {
            return 'function' if $reference eq 'CODE';
            return $value->isa('LuaSocketClient') ? 'userdata' : 'table';
        }
        return created_as_number($value) ? 'number' : 'string';
    }

    # Lua's idea of truth: 0 and "" are true.
    sub truth ($value) { return defined $value && (!is_bool $value || $value) }

    # Call a value as Lua does, which raises where it is no function.
    sub invoke ($function, @arguments) {
        Lua::Error->raise('attempt to call a ' . type($function) . ' value') if ref $function ne 'CODE';
        return $function->(@arguments);
    }

    # The four readers of arguments: $_[0] is the caller's @_, $_[1] counts from one; they raise the errors of luaL_check….
    # The adapter says which name the function was called by, and whether by a colon: then the object is not counted.
    our ($CALLED, $BY_COLON) = ('?', 0);

    sub bad_argument ($index, $problem) {
        $index -= $BY_COLON;
        Lua::Error->raise($index ? "bad argument #$index to '$CALLED' ($problem)" : "calling '$CALLED' on bad self ($problem)");
    }

    sub mismatch ($arguments, $index, $expected) {
        my $got = $index > @$arguments ? 'no value' : type($arguments->[$index - 1]);
        bad_argument($index, "$expected expected, got $got");
    }

    sub number_text ($number) {
        return $number != $number ? 'nan' : $number == 9**9**9 ? 'inf' : $number == -9**9**9 ? '-inf' : sprintf '%.14g', $number;
    }

    sub check_string ($arguments, $index, @default) {
        my $value = $arguments->[$index - 1];
        return $default[0] if @default && !defined $value;
        my $type = type($value);
        return $value if $type eq 'string';
        return number_text($value) if $type eq 'number';
        mismatch($arguments, $index, 'string');
    }

    sub check_number ($arguments, $index, @default) {
        my $value = $arguments->[$index - 1];
        return $default[0] if @default && !defined $value;
        my $number = to_number($value);
        return $number // mismatch($arguments, $index, 'number');
    }

    sub to_number ($value) {
        my $type = type($value);
        return $value if $type eq 'number';
        return undef  if $type ne 'string';
        return hex $1 if $value =~ /^\s*0[xX]([0-9a-fA-F]{1,8})\s*\z/;
        return $value =~ /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*\z/ ? 0 + $value : undef;
    }

    # The object of a method: a class, or none for any.
    sub check_self ($arguments, @classes) {
        my $self = $arguments->[0];
        my $expected = @classes ? $classes[0] : 'tcp{any}';
        if (!blessed $self || !$self->isa('LuaSocketClient') || @classes && !grep { $self->{class} eq $_ } @classes) {
            bad_argument(1, "$expected expected");
        }
        return $self;
    }

    # ---- time ----

    sub now { return Time::HiRes::time() }

    # How long the call that began at `start` may still wait; undef is for ever.
    sub time_left ($self) {
        my $block = $self->{block};
        undef $block if defined $block && $block != $block && defined $self->{total};    # beside a total, NaN does not count
        my @limits = grep { defined } $block;
        push @limits, $self->{total} - (now() - $self->{start}) if defined $self->{total};
        # A block timeout alone is one for the whole call, too: LuaSocket counts it from the start.
        $limits[0] -= now() - $self->{start} if defined $block && !defined $self->{total};
        return undef if !@limits;
        my ($least) = sort { $a <=> $b } @limits;
        return $least > 0 ? $least : 0;
    }

    # Wait until the socket can be read or written: nil, or 'timeout'.
    sub wait_for ($self, $writing) {
        my $left = $self->time_left;
        return 'timeout' if defined $left && $left == 0;
        my $bits = '';
        vec($bits, fileno $self->{handle}, 1) = 1;
        while (1) {
            my $ready = $bits;
            my $count = $writing ? select(undef, $ready, undef, $left) : select($ready, undef, undef, $left);
            return undef if $count > 0;
            return 'timeout' if $count == 0;
            return error_text(0 + $!) if $! != EINTR;
            $left = $self->time_left;
        }
    }

    # ---- the functions of the module ----

    sub tcp (@) {
        return bless { class => 'tcp{master}', buffer => '', block => undef, total => undef, start => now() }, __PACKAGE__;
    }

    sub gettime (@) { return now() }

    sub sleep_for (@arguments) {
        my $seconds = check_number(\@arguments, 1);
        my $end = now() + ($seconds > 0 ? $seconds : 0);    # NaN compares false, so it does not sleep
        while ((my $left = $end - now()) > 0) { select undef, undef, undef, $left }
        return;
    }

    sub skip (@arguments) {
        my $count = int check_number(\@arguments, 1);
        $count = ($count + 2**31) % 2**32 - 2**31 if abs $count < 2**62;    # a C int
        return @arguments[1 + $count .. $#arguments] if $count >= 0;
        return @arguments[0 .. $#arguments];
    }

    # Whether an error is one of Lua; an error of Perl is a defect of this file.
    sub is_error ($error) { return blessed $error && $error->isa('Lua::Error') }

    sub newtry (@arguments) {
        my $finalizer = $arguments[0];
        return sub (@results) {
            return @results if truth($results[0]);
            # Errors of the finalizer are dropped.
            eval { invoke($finalizer); 1 } or is_error($@) or die $@;
            Lua::Error->raise(Lua::Exception->new($results[1]));
        };
    }

    sub protect (@arguments) {
        my $function = $arguments[0];
        return sub (@values) {
            my @results;
            return @results if eval { @results = invoke($function, @values); 1 };
            my $error = $@;
            die $error if !is_error($error) || !blessed $error->{value} || !$error->{value}->isa('Lua::Exception');
            return (undef, $error->{value}{message});
        };
    }

    # Calls the method `name` of an entry in a list of select; returns nil where there is none.
    sub ask ($object, $name) {
        return undef if grep { type($object) eq $_ } qw(number boolean string);
        my $function = field($object, $name) // return undef;
        return (invoke($function, $object))[0];
    }

    # What a list of select has, as pairs of a descriptor and its object.
    # LuaSocket asks the objects of the first list twice, the second time to look for buffered data.
    sub descriptors ($arguments, $index) {
        my $table = $arguments->[$index - 1];
        return if !defined $table;
        mismatch($arguments, $index, 'table') if type($table) ne 'table';
        my @found;
        for (my $i = 1; defined(my $object = $table->get($i)); $i++) {
            my $descriptor = ask($object, 'getfd');
            $descriptor = ask($object, 'getfd') if $index == 1;
            $descriptor = to_number($descriptor);
            next if !defined $descriptor || !($descriptor >= 0);
            bad_argument($index, 'descriptor too large for set size') if $descriptor >= SETSIZE;
            push @found, [int $descriptor, $object];
        }
        return @found;
    }

    sub select_on (@arguments) {
        my $seconds = check_number(\@arguments, 3, -1);
        my @reading = descriptors(\@arguments, 1);
        my @writing = descriptors(\@arguments, 2);
        my @dirty   = grep { truth(scalar ask($_->[1], 'dirty')) } @reading;
        my %dirty   = map { $_->[0] => 1 } @dirty;
        my ($read, $write) = ('', '');
        vec($read,  $_->[0], 1) = 1 for grep { !$dirty{ $_->[0] } } @reading;
        vec($write, $_->[0], 1) = 1 for @writing;
        my $end = @dirty ? now() : $seconds < 0 ? undef : now() + $seconds;
        my ($count, $r, $w);
        while (1) {
            my $left = defined $end ? $end - now() : undef;
            $left = 0 if defined $left && $left < 0;
            $count = select($r = $read, $w = $write, undef, $left);
            last if $count >= 0;
            Lua::Error->raise('select failed') if $! != EINTR;
        }
        my @tables = (Lua::Table->new->both_ways(@dirty, ready($r, @reading)), Lua::Table->new->both_ways(ready($w, @writing)));
        return $count || @dirty ? @tables : (@tables, 'timeout');
    }

    # The pairs whose descriptor is set in a vector, in the order of descriptors; of one descriptor's objects, the last.
    sub ready ($bits, @pairs) {
        my %last = map { $_->[0] => $_ } @pairs;
        return map { $last{$_} } grep { vec $bits, $_, 1 } sort { $a <=> $b } keys %last;
    }

    # ---- the methods of an object ----

    sub settimeout (@arguments) {
        my $self    = check_self(\@arguments);
        my $seconds = check_number(\@arguments, 2, -1);
        my $mode    = substr check_string(\@arguments, 3, 'b'), 0, 1;
        my $which   = { b => 'block', r => 'total', t => 'total' }->{$mode} // bad_argument(3, 'invalid timeout mode');
        $self->{$which} = $seconds < 0 ? undef : $seconds;
        return 1;
    }

    sub close_it (@arguments) {
        my $self = check_self(\@arguments);
        $self->shut_down_handle;
        return 1;
    }

    sub shut_down_handle ($self) {
        close delete $self->{handle} if $self->{handle};
        return;
    }

    sub getfd (@arguments) {
        my $self = check_self(\@arguments);
        return $self->{handle} ? fileno $self->{handle} : -1;
    }

    sub dirty (@arguments) {
        return length check_self(\@arguments)->{buffer} ? !!1 : !!0;
    }

    # Resolve, and try one address after the other. The family is known once a connection is made, or begun without waiting
    # for it; as long as it is not, the next call begins with a new socket.
    sub connect_to (@arguments) {
        my $self    = check_self(\@arguments);
        my $address = check_string(\@arguments, 2);
        my $port    = check_string(\@arguments, 3);
        # Perl takes an empty name for none, which is this host; LuaSocket looks it up, and there is no such name.
        my ($problem, @found)
            = $address eq '' ? EAI_NONAME : getaddrinfo($address, $port, { socktype => SOCK_STREAM });
        $self->{class} = 'tcp{client}';
        return (undef, $RESOLVER{ 0 + $problem } // "$problem") if $problem;
        my $family = $self->{family};
        my $error;
        for my $candidate (@found) {
            $self->{start} = now();
            if (!$self->{handle} || ($family // AF_UNSPEC) != $candidate->{family}) {
                $error = $self->open_handle($candidate->{family});
                next if defined $error;
                $family = $candidate->{family};
            }
            $error = $self->connect_handle($candidate->{addr});
            if (!defined $error || defined $self->{block} && $self->{block} == 0) {
                $self->{family} = $family;
                last;
            }
        }
        return defined $error ? (undef, $error) : 1;
    }

    # Make the socket of a family, in place of the one that is there: nil, or the error.
    sub open_handle ($self, $family) {
        $self->shut_down_handle;
        socket my $handle, $family, SOCK_STREAM, 0 or return error_text(0 + $!);
        fcntl $handle, F_SETFL, fcntl($handle, F_GETFL, 0) | O_NONBLOCK or return error_text(0 + $!);
        $self->{handle} = $handle;
        return undef;
    }

    # Connect the socket to a packed address: nil, or the error.
    sub connect_handle ($self, $address) {
        return undef if connect $self->{handle}, $address;
        return error_text(0 + $!) if $! != EINPROGRESS && $! != EAGAIN && $! != EINTR;
        my $waited = $self->wait_for(1);
        return $waited if defined $waited;
        my $status = unpack 'i', getsockopt $self->{handle}, SOL_SOCKET, SO_ERROR;
        return $status ? error_text($status) : undef;
    }

    sub send_it (@arguments) {
        my $self = check_self(\@arguments, 'tcp{client}');
        my $data = check_string(\@arguments, 2);
        my ($first, $last) = (int check_number(\@arguments, 3, 1), int check_number(\@arguments, 4, -1));
        my $size = length $data;
        $self->{start} = now();
        $first += $size + 1 if $first < 0;
        $last  += $size + 1 if $last < 0;
        $first = 1     if $first < 1;
        $last  = $size if $last > $size;
        my $sent = 0;
        my $error;

        while ($first + $sent <= $last) {
            my $rest = $last - $first - $sent + 1;
            my $put  = $self->put(substr $data, $first + $sent - 1, $rest < STEP ? $rest : STEP);
            if (ref $put) { $error = $$put; last }
            $sent += $put;
        }
        return defined $error ? (undef, $error, $sent + $first - 1) : ($sent + $first - 1, undef, undef);
    }

    # As many bytes of `block` as went, or a reference to the error.
    sub put ($self, $block) {
        return \'closed' if !$self->{handle};
        while (1) {
            my $count = send $self->{handle}, $block, 0;
            return $count if defined $count;
            next if $! == EINTR;
            return \'closed' if $! == EPIPE;
            return \error_text(0 + $!) if $! != EAGAIN && $! != EWOULDBLOCK;
            my $error = $self->wait_for(1);
            return \$error if defined $error;
        }
    }

    # Have something in the buffer: nil, or the error; ENDED is that of a stream that ended, which reads as `closed`, as that of
    # one that was reset does.
    sub fill ($self) {
        return undef if length $self->{buffer};
        return ENDED if !$self->{handle};
        while (1) {
            my $count = sysread $self->{handle}, $self->{buffer}, STEP;
            return $count ? undef : ENDED if defined $count;
            next if $! == EINTR;
            return error_text(0 + $!) if $! != EAGAIN && $! != EWOULDBLOCK;
            my $error = $self->wait_for(0);
            return $error if defined $error;
        }
    }

    sub receive (@arguments) {
        my $self   = check_self(\@arguments, 'tcp{client}');
        my $result = check_string(\@arguments, 3, '');
        my $wanted = to_number($arguments[1]);
        my $before = length $result;
        my $error;
        $self->{start} = now();
        if (defined $wanted) {
            bad_argument(2, 'invalid receive pattern') if !($wanted >= 0);
            $error = $self->receive_count(\$result, int($wanted) - $before) if $before == 0 || int $wanted > $before;
        } else {
            my $pattern = check_string(\@arguments, 2, '*l');
            if    ($pattern =~ /^\*l/) { $error = $self->receive_line(\$result) }
            elsif ($pattern =~ /^\*a/) { $error = $self->receive_all(\$result) }
            else                       { bad_argument(2, 'invalid receive pattern') }
        }
        return ($result, undef, undef) if !defined $error;
        return (undef, $error eq ENDED ? 'closed' : $error, $result);
    }

    sub receive_count ($self, $result, $wanted) {
        while (1) {
            my $error = $self->fill;
            return $error if defined $error;
            my $part = substr $self->{buffer}, 0, $wanted, '';
            $$result .= $part;
            $wanted -= length $part;
            return undef if $wanted <= 0;
        }
    }

    sub receive_line ($self, $result) {
        while (1) {
            my $error = $self->fill;
            return $error if defined $error;
            my $end  = index $self->{buffer}, "\n";
            my $part = substr $self->{buffer}, 0, $end < 0 ? length $self->{buffer} : $end + 1, '';
            $$result .= $part =~ tr/\r\n//dr;
            return undef if $end >= 0;
        }
    }

    # The end of the stream ends the pattern well, if anything was received.
    sub receive_all ($self, $result) {
        my $received = 0;
        while (1) {
            my $error = $self->fill;
            return $error eq ENDED && $received ? undef : $error if defined $error;
            $received += length $self->{buffer};
            $$result .= $self->{buffer};
            $self->{buffer} = '';
        }
    }

    # An address, as getpeername and getsockname tell it: host and port, and LuaSocket's name of the family.
    sub name_of ($self, $packed) {
        return (undef, error_text(0 + $!)) if !defined $packed;
        my ($problem, $host, $port) = getnameinfo($packed, NI_NUMERICHOST | NI_NUMERICSERV);
        return (undef, "$problem") if $problem;
        my $family = { AF_INET() => 'inet', AF_INET6() => 'inet6' }->{ $self->{family} // AF_UNSPEC } // 'unspec';
        return ($host, $port, $family);
    }

    sub getpeername_of (@arguments) {
        my $self = check_self(\@arguments);
        return (undef, error_text(EBADF)) if !$self->{handle};
        my ($host, $port, @family) = $self->name_of(getpeername $self->{handle});
        return ($host, @family ? 0 + $port : $port, @family);    # a number, where getsockname tells a string
    }

    sub getsockname_of (@arguments) {
        my $self = check_self(\@arguments);
        return (undef, error_text(EBADF)) if !$self->{handle};
        return $self->name_of(getsockname $self->{handle});
    }

    our %MODULE = (
        _VERSION       => VERSION,
        _SETSIZE       => SETSIZE,
        _SOCKETINVALID => -1,
        tcp            => \&tcp,
        select         => \&select_on,
        gettime        => \&gettime,
        sleep          => \&sleep_for,
        skip           => \&skip,
        newtry         => \&newtry,
        try            => newtry(),
        protect        => \&protect,
    );

    our %METHODS = (
        connect     => \&connect_to,
        send        => \&send_it,
        receive     => \&receive,
        settimeout  => \&settimeout,
        close       => \&close_it,
        getpeername => \&getpeername_of,
        getsockname => \&getsockname_of,
        getfd       => \&getfd,
        dirty       => \&dirty,
    );

    # What object[name] is in Lua.
    sub field ($object, $name) {
        Lua::Error->raise('attempt to index a ' . type($object) . ' value') if !blessed $object;
        return $object->get($name) if $object->isa('Lua::Table');
        return undef if $object->isa('Lua::Exception');
        return $object->{class} if $name eq 'class';
        return $METHODS{$name};
    }
}

1;
