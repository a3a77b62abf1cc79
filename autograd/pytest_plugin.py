"""pytest: gradients as tests. Installed with the package, it gives a fixture, a marker, and ``--gradcheck-exact``.

    def test_loss(gradcheck):
        gradcheck(lambda w, x: (w * x).tanh(), (0.5, -1.2))

    @pytest.mark.gradients(lambda w, b: (w * 2.0 + b).exp(), {"w": 0.5, "b": 0.1})
    def test_each_input(gradient): ...

    @pytest.mark.gradients(model=make_model, loss=nn.mse, data=(x, y))
    def test_each_parameter(gradient): ...

A marked test runs once for each input or block of parameters, under its name, and fails with the report.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .gradcheck import GradcheckReport

_REPORTS: pytest.StashKey[dict[Any, "GradcheckReport"]] = pytest.StashKey()
_USE = "gradients(f, inputs, **settings) or gradients(model=…, loss=…, data=…, **settings)"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--gradcheck-exact``."""
    parser.getgroup("gradcheck", "gradients held against their slopes").addoption(
        "--gradcheck-exact", action="store_true", help="read the graphs of checked functions with decimals of 150 digits"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", f"{_USE}: check the gradient in each input; the test takes 'gradient'")
    config.stash[_REPORTS] = {}


@pytest.fixture(name="gradcheck")
def _gradcheck(request: pytest.FixtureRequest) -> Callable[..., "GradcheckReport"]:
    """``assert_gradients(f, inputs, **settings)``, exact under ``--gradcheck-exact``."""
    from .gradcheck import assert_gradients

    exact = request.config.getoption("--gradcheck-exact")

    def check(f: Callable[..., Any], inputs: Any, **settings: Any) -> "GradcheckReport":
        __tracebackhide__ = True
        if settings.get("claimed") is None:
            settings.setdefault("exact", exact)
        return assert_gradients(f, inputs, **settings)

    return check


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each input, or each block of parameters."""
    marker = metafunc.definition.get_closest_marker("gradients")
    if marker is None:
        return
    if "gradient" not in metafunc.fixturenames:
        raise pytest.Collector.CollectError(
            f"{metafunc.definition.nodeid} is marked with gradients, so it takes an argument: def "
            f"{metafunc.definition.name}(gradient): …"
        )
    try:
        names = _names(marker)
    except (TypeError, ValueError) as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from None
    metafunc.parametrize("gradient", names, ids=names, indirect=True)


def _names(marker: pytest.Mark) -> list[str]:
    from .gradcheck.modules import blocks
    from .gradcheck.subject import subject_of

    if marker.args:
        if len(marker.args) != 2:
            raise TypeError(f"the marker is {_USE}")
        return list(subject_of(*marker.args, name="f").leaves)
    if not {"model", "loss", "data"} <= marker.kwargs.keys():
        raise TypeError(f"the marker is {_USE}")
    return blocks(_model(marker))


def _model(marker: pytest.Mark) -> Any:
    model = marker.kwargs["model"]
    return model if hasattr(model, "named_parameters") and not isinstance(model, type) else model()


@pytest.fixture(name="gradient")
def _gradient(request: pytest.FixtureRequest) -> "GradcheckReport":
    """The part of the report on one input; the check itself is made once."""
    marker = request.node.get_closest_marker("gradients")
    if marker is None or not hasattr(request, "param"):
        raise pytest.UsageError(f"the fixture 'gradient' needs the marker {_USE}")
    reports = request.config.stash[_REPORTS]
    key = (request.node.nodeid.split("[")[0], id(marker))
    if key not in reports:
        reports[key] = _report(marker, request.config.getoption("--gradcheck-exact"))
    return reports[key].of(request.param)


def _report(marker: pytest.Mark, exact: bool) -> "GradcheckReport":
    from .gradcheck import check_module, gradcheck

    settings = {"exact": exact, **marker.kwargs}
    if marker.args:
        return gradcheck(*marker.args, **settings)
    model = _model(marker)
    loss, data = settings.pop("loss"), settings.pop("data")
    del settings["model"]
    return check_module(model, loss, data, **settings)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """A marked test fails with its report; else its own body runs."""
    if pyfuncitem.get_closest_marker("gradients") is not None and "gradient" in pyfuncitem.funcargs:
        report = pyfuncitem.funcargs["gradient"]
        if not report:
            pytest.fail(str(report), pytrace=False)
