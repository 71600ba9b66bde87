"""Space files: both forms in YAML and JSON, and every mistake with its place."""

from __future__ import annotations

import inspect
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hyperdrive_retrofit import errors, read_space_file, request, wrap_with_hyperdrive
from hyperdrive_retrofit.request import document, space_file
from hyperdrive_retrofit.request.space_file import KEYS, SWEEP_KEYS
from hyperdrive_retrofit.sweep import Bandit, MedianStopping, NoTermination, TruncationSelection

SHORT = """\
search_space:
  lr: loguniform(-6, -1)
  epoch: [20, 40, 60]
policy: BanditPolicy(slack_factor=0.2, evaluation_interval=5)
primary_metric_name: F_1
"""
# the documented example of `az ml run submit-hyperdrive`, with a second parameter
AZ = """\
sampling:
    type: random # Supported options: Random, Grid, Bayesian
    parameter_space: # specify a name|expression|values tuple for each parameter.
    - name: --penalty
      expression: choice
      values: [0.5, 1, 1.5]
    - name: --lr
      expression: uniform
      values: [1e-4, 0.1]
policy:
    type: BanditPolicy
    evaluation_interval: 1
    slack_factor: 0.2
primary_metric_name: Accuracy
primary_metric_goal: Maximize
max_total_runs: 8
max_concurrent_runs: 2
max_duration_minutes: 100
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes a space file and returns its name, seen from the current folder."""
    monkeypatch.chdir(tmp_path)

    def write_file(text, name="space.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write_file


def sweep_of(path):
    """Return the sweep that a space file without a mistake stands for."""
    file = space_file.read_space_file(path)
    assert file.problems == ()
    return request.read_sweep(*map(file.arguments.get, SWEEP_KEYS))[0]


def problems_of(path):
    """Return place and message of all that is wrong with a file."""
    return [(problem.where, problem.message) for problem in space_file.read_space_file(path).problems]


class TestForms:
    def test_short(self, write):
        """Keys are the call's own, expressions and policies are written as the SDK's calls."""
        sweep = sweep_of(write(SHORT))

        assert [str(parameter.expression) for parameter in sweep.space] == ["loguniform(-6, -1)", "choice(20, 40, 60)"]
        assert sweep.policy == Bandit(evaluation_interval=5, slack_factor=0.2)

    def test_az(self, write):
        """The file of the SDK v1's own command line is one as well."""
        sweep = sweep_of(write(AZ))

        assert [(parameter.name, str(parameter.expression)) for parameter in sweep.space] == [
            ("--penalty", "choice(0.5, 1, 1.5)"),
            ("--lr", "uniform(0.0001, 0.1)"),
        ]
        assert (sweep.sampling, sweep.policy) == ("random", Bandit(slack_factor=0.2))
        assert (sweep.max_total_runs, sweep.max_concurrent_runs, sweep.max_duration_minutes) == (8, 2, 100)

    def test_from_python(self, write):
        """The arguments go into the call as they are."""
        arguments = read_space_file(write(SHORT))

        assert list(arguments) == ["search_space", "policy", "primary_metric_name"]
        assert arguments["search_space"] == {"lr": ["loguniform", [-6, -1]], "epoch": [20, 40, 60]}

    def test_json(self, write):
        """JSON says the same."""
        space = {"search_space": {"lr": "loguniform(-6, -1)", "epoch": [20, 40, 60]}, "policy": None}

        assert read_space_file(write(json.dumps(space), "space.json")) == {
            "search_space": {"lr": ["loguniform", [-6, -1]], "epoch": [20, 40, 60]}
        }

    def test_keys_are_the_calls_own(self):
        """Each key is an argument of wrap_with_hyperdrive; of those only a RunConfiguration cannot be written."""
        arguments = set(inspect.signature(wrap_with_hyperdrive).parameters)

        assert arguments - set(KEYS) == {"existing_steps", "promote_runconfig"}
        assert set(KEYS) <= arguments

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("uniform(0, 1)", "uniform(0, 1)"),
            ("uniform(max_value=1, min_value=0)", "uniform(0, 1)"),
            ("uniform(0, max_value=.5)", "uniform(0, 0.5)"),
            ("loguniform(math.log(1), log(2))", "loguniform(0.0, 0.6931471805599453)"),
            ("{uniform: [0, 1]}", "uniform(0, 1)"),
            ("{uniform: {min_value: 0, max_value: 1}}", "uniform(0, 1)"),
            ("[uniform, [0, 1]]", "uniform(0, 1)"),
            ("randint(5)", "randint(5)"),
            ("[1e-4, 1e-3]", "choice(0.0001, 0.001)"),
            ("[on, 'off', yes, 010]", "choice('on', 'off', 'yes', 10)"),
            ("[0x10, 0o10, true, null, 1_000]", "choice(16, 8, True, None, '1_000')"),
            ("choice('adam', \"sgd\")", "choice('adam', 'sgd')"),
            ("choice([1, 2])", "choice(1, 2)"),
            ("choice(range(1, 4))", "choice(1, 2, 3)"),
            ("range(0, 6, 2)", "choice(0, 2, 4)"),
            ("{range: [3]}", "choice(0, 1, 2)"),
            ("{choice: [a, b]}", "choice('a', 'b')"),
            ("\"choice({'a': 1})\"", "choice({'a': 1})"),
            ("[2020-01-01]", "choice('2020-01-01')"),
        ],
    )
    def test_expressions(self, write, written, read):
        """An expression is a call, a mapping or a list; plain values are those of YAML 1.2, as in `az ml`."""
        (parameter,) = sweep_of(write(f"search_space:\n  x: {written}\n")).space

        assert read == str(parameter.expression)

    @pytest.mark.parametrize(
        ("written", "policy"),
        [
            ("BanditPolicy(2, 0.5)", Bandit(evaluation_interval=2, slack_factor=0.5)),
            ("{type: bandit, slack_amount: 1, delay_evaluation: 3}", Bandit(slack_amount=1, delay_evaluation=3)),
            ("MedianStoppingPolicy", MedianStopping()),
            ("MedianStoppingPolicy(delay_evaluation=5)", MedianStopping(delay_evaluation=5)),
            ("TruncationSelectionPolicy(20, 2)", TruncationSelection(20, 2)),
            ("{type: NoTerminationPolicy}", NoTermination()),
            ("NoTerminationPolicy()", NoTermination()),
            ("null", NoTermination()),
        ],
    )
    def test_policies(self, write, written, policy):
        """A policy is a call, a name, or the type and settings of `az ml`."""
        assert sweep_of(write(f"search_space: {{x: [1]}}\npolicy: {written}\n")).policy == policy

    def test_a_vast_space(self, write):
        """Whole numbers beyond what a float holds do not overflow where they are multiplied with infinity."""
        vast = f"randint({10**308})"

        assert sweep_of(write(f"search_space: {{a: {vast}, b: {vast}, c: 'uniform(0, 1)'}}\n")).runs == 20

    def test_places(self, write):
        """What a finding names stands on a line of the file."""
        file = space_file.read_space_file(write(AZ))

        assert file.place("search_space['--lr']") == "space.yaml:7"
        assert file.place("policy") == "space.yaml:10"
        assert file.place("max_total_runs") == "space.yaml:16"
        assert file.place("train.py:3") == "train.py:3"


def mistakes(*rows):
    """Parametrise a test by texts and what is said about them."""
    return pytest.mark.parametrize(("text", "expected"), rows)


class TestMistakes:
    @mistakes(
        ("serch_space: {x: [1]}\n", [("space.yaml:1", "There is no key 'serch_space' (did you mean 'search_space'?)."), ("space.yaml", "The file has no search_space.")]),
        ("search_space: {x: [1]}\nmax_total_runs: 3\nmax_total_runs: 4\n", [("space.yaml:3", "The key 'max_total_runs' is given twice.")]),
        ("search_space:\n  x: [1]\n  x: [2]\n", [("space.yaml:3", "The key 'x' is given twice.")]),
        ("", [("space.yaml", "The file is empty.")]),
        ("- 1\n", [("space.yaml", "The file holds a list, and no keys.")]),
        ("search_space: [1]\n", [("space.yaml:1", "The search space is [1], not a dict.")]),
        ("search_space: {x: [1]}\nmax_total_runs: many\n", [("space.yaml:2", "max_total_runs='many' is not a whole number from 1 to 1000.")]),
        ("search_space: {x: [1]}\nsampling: grit\n", [("space.yaml:2", "'grit' is no sampling (did you mean 'grid'?).")]),
        ("search_space: {x: [1]}\nsampling: bayesian\npolicy: MedianStoppingPolicy()\n", [("space.yaml:3", "Bayesian sampling supports no early termination policy.")]),
    )  # fmt: skip
    def test_keys(self, write, text, expected):
        """Unknown, repeated and wrong keys are named with their line, and the closest one."""
        assert problems_of(write(text)) == expected

    @mistakes(
        ("20", "20 is a bare value, not a choice of values (the SDK takes it and complains about nothing)."),
        ("adam", "'adam' is a bare value, not a choice of values (the SDK takes it and complains about nothing)."),
        ("unifrm(0, 1)", "'unifrm' is no expression (did you mean 'uniform'?). There are: choice, randint, uniform, quniform, loguniform, qloguniform, normal, qnormal, lognormal, qlognormal."),
        ("uniform(0", "'uniform(0' cannot be read: '(' was never closed."),
        ("uniform(0, 1) + 1", "'uniform(0, 1) + 1' is no call of one function."),
        ("uniform(0)", "uniform() takes min_value, max_value, and not 1 argument."),
        ("uniform(0, 1, 2)", "uniform() takes min_value, max_value, and not 3 arguments."),
        ("uniform(0, maxvalue=1)", "uniform() has no 'maxvalue' (did you mean 'max_value'?). It takes min_value, max_value."),
        ("uniform(0, min_value=1)", "uniform() is given min_value twice."),
        ("uniform(0, x)", "'uniform(0, x)' cannot be read: its arguments must be plain values."),
        ("uniform(0, open('x'))", '"uniform(0, open(\'x\'))" cannot be read: its arguments must be plain values.'),
        ("uniform(*[0, 1])", "'uniform(*[0, 1])': * and ** cannot be read."),
        ("uniform(0, math.log(0))", "'uniform(0, math.log(0))' cannot be read: its arguments must be plain values."),
        ("choice([1], 2)", "choice() takes one list of options, or the options themselves, not both."),
        ("choice(options=[1])", "choice() takes its options without names."),
        ("choice()", "This is a choice of nothing."),
        ("choice(range(100000000000000000000))", "range(0, 100000000000000000000) has more than 10000 values."),
        ("range('a')", "range takes one to three whole numbers, not ['a']."),
        ("{uniform: 5}", "uniform takes a list of its arguments, not 5."),
        ("{uniform: [0, 1], q: 1}", "{'uniform': [0, 1], 'q': 1} is no expression: one function with a list, such as {uniform: [0, 1]}."),
        ("{uniform: [0, .nan]}", "uniform(max_value=nan) is not a number."),
        ("randint(1" + "0" * 400 + ")", "randint(upper=1" + "0" * 400 + ") is not a number."),
    )  # fmt: skip
    def test_expressions(self, write, text, expected):
        """A wrong entry of the space is named with its line; nothing in it is run."""
        text = text if text.startswith("{") else json.dumps(text) if "(" in text else text
        assert problems_of(write(f"search_space:\n  good: [1]\n  x: {text}\n")) == [("space.yaml:3", expected)]

    @mistakes(
        ("BanditPolcy(slack_factor=1)", "'BanditPolcy' is no policy (did you mean 'BanditPolicy'?). There are: BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy, NoTerminationPolicy."),
        ("{type: BanditPolicy, slack_factr: 1}", "BanditPolicy() has no 'slack_factr' (did you mean 'slack_factor'?). It takes evaluation_interval, slack_factor, slack_amount, delay_evaluation."),
        ("BanditPolicy", "BanditPolicy() takes either slack_factor or slack_amount."),
        ("BanditPolicy(slack_factor=1, slack_amount=1)", "BanditPolicy() takes either slack_factor or slack_amount."),
        ("BanditPolicy(slack_factor='x')", "BanditPolicy(slack_factor='x'): slack_factor is a number."),
        ("{type: BanditPolicy, slack_factor: 1, evaluation_interval: 2.5}", "BanditPolicy(evaluation_interval=2.5): evaluation_interval is a whole number."),
        ("MedianStoppingPolicy(1, 2, 3)", "MedianStoppingPolicy() takes evaluation_interval, delay_evaluation, and 3 are given."),
        ("TruncationSelectionPolicy(100)", "TruncationSelectionPolicy() takes a truncation_percentage from 1 to 99."),
        ("{slack_factor: 1}", "A policy needs its type. There are: BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy, NoTerminationPolicy."),
        ("[1]", "[1] is no policy."),
        ("MedianStoppingPolicy(0)", "MedianStoppingPolicy(evaluation_interval=0): an interval is at least 1, and a delay at least 0."),
    )  # fmt: skip
    def test_policies(self, write, text, expected):
        """A policy that the SDK's constructor would refuse is refused, with its line."""
        found = problems_of(write(f"search_space: {{x: [1]}}\npolicy: {text}\n"))

        assert [
            (where, message.removesuffix(" For example BanditPolicy(slack_factor=0.2).")) for where, message in found
        ] == [("space.yaml:2", expected)]

    @mistakes(
        ("sampling: {parameter_space: [{name: x, expression: choice, values: [1]}]}", ["sampling has no type."]),
        ("sampling: {type: random}", ["sampling needs a parameter_space: a list of name, expression and values."]),
        ("sampling: {type: random, space: 1, parameter_space: [{name: x, expression: choice, values: [1]}]}", ["sampling has no 'space'."]),
        ("sampling: {type: random, parameter_space: [1]}", ["1 is no name, expression and values."]),
        ("sampling: {type: random, parameter_space: [{name: x, expresion: choice, values: [1]}]}", ["A hyperparameter has no 'expresion' (did you mean 'expression'?)."]),
        ("sampling: {type: random, parameter_space: [{name: x}]}", ["A hyperparameter needs expression and values."]),
        ("sampling: {type: random, parameter_space: [{name: [x], expression: choice, values: [1]}]}", ["['x'] is no name."]),
        ("sampling: {type: random, parameter_space: [{name: x, expression: [choice], values: [1]}]}", ["['choice'] is no expression (did you mean 'choice'?)."]),
        ("sampling: {type: random, parameter_space: [{name: x, expression: choise, values: [1]}]}", ["'choise' is no expression (did you mean 'choice'?)."]),
        ("sampling: {type: random, parameter_space: [{name: x, expression: choice, values: 1}]}", ["choice takes a list of its arguments, not 1."]),
        ("sampling: {type: grid, parameter_space: [{name: x, expression: uniform, values: [0, 1]}]}", ["Grid sampling takes choice() only, not uniform()."]),
        ("search_space: {x: [1]}\nsampling: {type: random, parameter_space: [{name: x, expression: choice, values: [1]}]}", ["The space is given twice: search_space, and sampling with a parameter_space."]),
        ("sampling: {type: random, parameter_space: [{name: x, expression: choice, values: [1]}, {name: x, expression: choice, values: [2]}]}", ["'x' is given twice."]),
    )  # fmt: skip
    def test_az(self, write, text, expected):
        """In the form of `az ml` likewise."""
        found = problems_of(write(text))

        assert [message for _, message in found] == expected
        assert all(where.startswith("space.yaml:") for where, _ in found)

    def test_all_at_once(self, write):
        """All mistakes come in one error, from Python too."""
        path = write("search_spice: 1\nsearch_space:\n  x: uniform(\n  y: uniform(2, 1)\nmax_total_runs: 0\n")

        with pytest.raises(errors.BlockedError) as caught:
            read_space_file(path)
        assert [finding.where for finding in caught.value.findings] == [
            "space.yaml:1", "space.yaml:3", "space.yaml:4", "space.yaml:5",
        ]  # fmt: skip

    def test_json(self, write):
        """JSON has lines as well; only the second of equal keys in one mapping is given twice."""
        path = write(
            '{"search_space":\n  {"x": 1,\n  "y": [1],\r\n"y"\n: [{"y": "{\\"z"}, 2]}\n, "max_total_runs": 0}',
            "space.json",
        )

        assert [(where, message) for where, message in problems_of(path)] == [
            ("space.json:4", "The key 'y' is given twice."),
            (
                "space.json:2",
                "1 is a bare value, not a choice of values (the SDK takes it and complains about nothing).",
            ),
            ("space.json:6", "max_total_runs=0 is not a whole number from 1 to 1000."),
        ]

    @given(
        content=st.dictionaries(
            st.text("ab{[\"',:\\n "),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text("ab{}[]\"',:\\n "),
                lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text("ab{["), more, max_size=3),
            ),
            max_size=4,
        ),
        indent=st.sampled_from([None, 0, 2]),
    )
    def test_the_lines_of_json(self, tmp_path_factory, content, indent):
        """They are those of the same text as YAML."""
        folder = tmp_path_factory.getbasetemp()
        for name in ("lines.json", "lines.yaml"):
            (folder / name).write_text(json.dumps(content, indent=indent))

        found = document.read_document(str(folder / "lines.json"))
        assert found == document.read_document(str(folder / "lines.yaml"))
        assert found.value == content


class TestUnreadable:
    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("space.yaml", b"a: [1", "space.yaml:1: this is no YAML: expected ',' or ']', but got '<stream end>'."),
            ("space.yaml", b"a: 1\n b: 2\n", "space.yaml:2: this is no YAML: mapping values are not allowed here."),
            ("space.yaml", b"a: !!python/object:os.system x", "space.yaml:1: the tag 'tag:yaml.org,2002:python/object:os.system' is not read. Leave it out."),
            ("space.yaml", b"a: 1\n--- \nb: 2\n", "space.yaml:2: this is no YAML: but found another document."),
            ("space.yaml", b'a: "\\UFFFFFFFF"', "space.yaml: this is no YAML: "),
            ("space.yaml", b"? [1]\n: 2\n", "space.yaml:1: a key must be a text, not a sequence."),
            ("space.yaml", b"\x00", "space.yaml: this is no YAML: special characters are not allowed."),
            ("space.yaml", b"\xff\xfe", "space.yaml cannot be read: it is not UTF-8 text."),
            ("space.yaml", b"[" * 5_000, "space.yaml is nested too deeply to be read."),
            ("space.yaml", b"a: &a [*a]\n", "space.yaml is nested too deeply to be read."),
            ("space.json", b"{", "space.json:1: this is no JSON: Expecting property name enclosed in double quotes."),
            ("space.json", b"[" * 100_000, "space.json is nested too deeply to be read."),
            ("space.json", b"[" * 300 + b"]" * 300, "space.json is nested too deeply to be read."),
            ("space.json", b"9" * 5000, "space.json: this is no JSON that can be read: Exceeds the limit"),
        ],
    )  # fmt: skip
    def test_content(self, write, tmp_path, name, content, message):
        """What is no YAML or JSON is said to be so, with the line."""
        del write  # the current folder is enough
        (tmp_path / name).write_bytes(content)

        with pytest.raises(errors.SpaceFileError) as caught:
            space_file.read_space_file(name)
        assert str(caught.value).startswith(message)

    def test_a_few_aliases(self, write):
        """Aliases that stand for billions of values are refused at once."""
        lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]

        with pytest.raises(errors.SpaceFileError, match="holds more than 100000 values"):
            space_file.read_space_file(write("\n".join(lines)))

    def test_not_there(self, write):
        """A file that is not there, or a folder, is named."""
        write("")
        with pytest.raises(errors.SpaceFileError, match=r"^no.yaml cannot be read: No such file or directory\.$"):
            space_file.read_space_file("no.yaml")
        with pytest.raises(errors.SpaceFileError, match=r"^\. cannot be read: Is a directory\.$"):
            space_file.read_space_file(".")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["uniform(0, 1)", "choice(1, 2)", "uniform(", "BanditPolicy", "random", "range(3)", "choice"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text() | st.sampled_from(["type", "name", "expression", "values", "parameter_space", "uniform"]), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


class TestAnything:
    @given(text=st.text())
    @example(text="search_space: {x: '((((((((((((((((((((((((((((((((((((((((((((((((((('}")
    @pytest.mark.parametrize("name", ["any.yaml", "any.json"])
    def test_text(self, tmp_path_factory, name, text):
        """Any text is read, or refused by an error that says why."""
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        try:
            problems = space_file.read_space_file(path).problems
        except errors.SpaceFileError as error:
            problems = [error]
        assert problems  # nobody draws a whole space by chance

    @given(content=st.dictionaries(st.sampled_from(KEYS), VALUES))
    def test_values(self, tmp_path_factory, content):
        """Any values behind the known keys are read, or refused in words; JSON in YAML's name is the same."""
        path = tmp_path_factory.getbasetemp() / "values.json"
        path.write_text(json.dumps(content))
        found = space_file.read_space_file(path)
        assert found.problems or found.arguments["search_space"]

    @given(text=st.text(alphabet="choiceunfrmlgq()[]{}=,. '\"0123456789-*e\\x"))
    def test_calls(self, tmp_path_factory, text):
        """Any text in place of an expression or a policy is read, or refused in words."""
        path = tmp_path_factory.getbasetemp() / "calls.json"
        for call in (text, f"uniform({text})", f"choice({text})"):
            path.write_text(json.dumps({"search_space": {"x": call}, "policy": call}))
            assert space_file.read_space_file(path).problems  # at the least, the policy is none
