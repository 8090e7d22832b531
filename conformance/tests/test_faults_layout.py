"""The layout of the catalogue: a module of faulty ports for each file of behaviours."""

import pkgutil
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_conformance import faults
from luasocket_conformance.faults import FAULTY_PORTS
from luasocket_conformance.faults.mechanism import module_name, subject_of
from luasocket_runners.selection import names

#: Modules of the package that hold no faulty ports.
MACHINERY = {"adapter", "command", "exploring", "judge", "mechanism", "table"}
SUBJECTS = sorted({behaviour.subject for behaviour in luasocket_spec.load().behaviours})


def test_each_file_of_behaviours_has_its_module_of_faulty_ports() -> None:
    found = {
        module.name.removeprefix(f"{faults.__name__}.")
        for module in pkgutil.walk_packages(faults.__path__, f"{faults.__name__}.")
        if not module.ispkg
    }
    catalogue = {name for name in found if name not in MACHINERY and not name.startswith("factories.")}
    assert catalogue == set(map(module_name, SUBJECTS))


@pytest.mark.parametrize("subject", ["tcp/receive-line", "udp/send", "try", "select"])
def test_a_module_name_leads_back_to_its_subject(subject: str) -> None:
    assert subject_of(f"{faults.__name__}.{module_name(subject)}") == subject


def test_each_faulty_port_names_a_behaviour_of_its_own_file() -> None:
    strangers = [
        faulty.id
        for faulty in FAULTY_PORTS
        if faulty.detected_by and not any(names(faulty.subject, selector) for selector in faulty.detected_by)
    ]
    assert strangers == []


def test_no_module_is_longer_than_500_lines() -> None:
    package = Path(faults.__file__).parent
    lengths = {
        str(path.relative_to(package)): len(path.read_text(encoding="utf-8").splitlines())
        for path in package.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 500} == {}
