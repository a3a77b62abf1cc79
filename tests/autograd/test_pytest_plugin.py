"""The pytest plugin, in sessions of its own."""

import pytest

pytest_plugins = ["pytester"]

WRONG = """
    import pytest
    from autograd import Domain, elementwise

    @elementwise(lambda xp, z, x: (1.0 - z) * (1.0 - z), domain=(Domain("", ((-2.0, 2.0),)),))
    def plugin_wrong_tanh(xp, x):
        return xp.tanh(x)
"""


def _run(pytester, source, *arguments, wrong=False):
    pytester.makepyfile(test_it=(WRONG if wrong else "    import pytest\n") + source)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly", *arguments)


def test_the_fixture_passes_and_fails_with_the_report(pytester):
    result = _run(
        pytester,
        """
    def test_right(gradcheck):
        report = gradcheck(lambda w, x: (w * x).tanh(), (0.5, -1.2))
        assert len(report.rows) == 2

    def test_wrong(gradcheck):
        gradcheck(lambda w, x: plugin_wrong_tanh(w * x), (0.5, -1.2))

    def test_claimed(gradcheck):
        gradcheck(lambda x: x * x, 3.0, claimed=6.0)
    """,
        wrong=True,
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*gradcheck FAILED  f: 2 of 2 partials wrong", "*plugin_wrong_tanh*looks like (1 - y)²*"])
    assert "checking.py" not in result.stdout.str()


def test_a_marked_test_runs_once_for_each_input(pytester):
    result = _run(
        pytester,
        """
    calls = []

    def f(w, b):
        calls.append(1)
        return plugin_wrong_tanh(w) + b.exp()

    @pytest.mark.gradients(f, {"w": 0.5, "b": 0.1})
    def test_each(gradient):
        assert len(gradient.rows) == 1

    def test_the_check_is_made_once():
        assert 0 < len(calls) < 25
    """,
        "-v",
        wrong=True,
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["*test_each[[]w[]] FAILED*", "*test_each[[]b[]] PASSED*", "*gradcheck FAILED  f, w: 1 of 1 partial wrong"]
    )


def test_a_marked_test_runs_once_for_each_block_of_parameters(pytester):
    result = _run(
        pytester,
        """
    import numpy as np
    import nn

    def make():
        return nn.MLP(2, [3, 1], activation="tanh", rng=0)

    @pytest.mark.gradients(model=make, loss=nn.mse, data=(np.ones((2, 2)), np.array([1.0, 0.0])))
    def test_parameters(gradient): ...
    """,
        "-v",
    )
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [f"*test_parameters[[]layers.{i}.{name}[]] PASSED*" for i in (0, 1) for name in ("weight", "bias")]
    )


def test_exact_is_an_option_of_the_session(pytester):
    source = """
    import math
    from autograd import Domain, elementwise

    @elementwise(lambda xp, z, x: xp.cos(x), domain=(Domain("", ((-2.0, 2.0),)),))
    def plugin_sine(xp, x):
        return math.sin(x)

    def test_it(gradcheck):
        assert gradcheck(lambda x: plugin_sine(x), 0.4).note == NOTE

    @pytest.mark.gradients(lambda x: x.sin(), 0.4)
    def test_mark(gradient): ...
    """
    _run(pytester, source.replace("NOTE", '""')).assert_outcomes(passed=2)
    note = '"plugin_sine can\'t be read with decimals, so finite differences decided"'
    _run(pytester, source.replace("NOTE", note), "--gradcheck-exact").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "@pytest.mark.gradients(lambda x: x, 0.5)\n    def test_it(): ...",
            "*so it takes an argument: def test_it(gradient)*",
        ),
        ("@pytest.mark.gradients(lambda x: x)\n    def test_it(gradient): ...", "*the marker is gradients(f, inputs*"),
        ("@pytest.mark.gradients(model=int)\n    def test_it(gradient): ...", "*the marker is gradients(f, inputs*"),
        ("@pytest.mark.gradients(lambda x: x, 3)\n    def test_it(gradient): ...", "*input x is of int*"),
        ("def test_it(gradient): ...", "*the fixture 'gradient' needs the marker*"),
    ],
)
def test_what_is_marked_wrongly_is_told_in_words(pytester, source, words):
    result = _run(pytester, "\n    " + source + "\n")
    outcomes = result.parseoutcomes()
    assert outcomes.get("errors", 0) == 1, outcomes
    result.stdout.fnmatch_lines([words])


def test_the_marker_and_the_option_are_documented(pytester):
    assert "gradients(f, inputs, **settings)" in pytester.runpytest_subprocess("--markers").stdout.str()
    assert "--gradcheck-exact" in pytester.runpytest_subprocess("--help").stdout.str()
