"""Reading users' scripts. Each file of script_corpus holds a script and, beneath it, all that must be read from it."""

from __future__ import annotations

import argparse
import string
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from script_facts import CORPUS, lay_out, lines, literal_lines, sections

from hyperdrive_retrofit.script import (
    AMBIGUOUS,
    UNKNOWN,
    Option,
    OptionMatch,
    PathUse,
    Place,
    ScriptFacts,
    read_script,
)

CASES = sorted(CORPUS.glob("*.txt"))
PLACE = Place("train.py", 1)


def option(*names: str, takes: int = 1) -> Option:
    """Make an option."""
    dest = names[0].lstrip("-").replace("-", "_")
    return Option(names, dest, type="str", default=None, required=False, takes_values=takes, choices=None, place=PLACE)


def read(folder: Path, text: str | bytes) -> ScriptFacts:
    """Read a script of this text."""
    (folder / "train.py").write_bytes(text.encode() if isinstance(text, str) else text)
    return read_script(folder, "train.py")


class TestCorpus:
    @pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
    def test_facts(self, case, tmp_path):
        """A script of the corpus gives exactly the facts written beneath it."""
        text = case.read_text(encoding="utf-8")
        script = lay_out(text, tmp_path)

        facts = read_script(tmp_path, script)

        assert sections(text)["facts"].strip().splitlines() == lines(facts)

    @pytest.mark.parametrize("case", [case for case in CASES if "--- literals" in case.read_text(encoding="utf-8")])
    def test_literals(self, case, tmp_path):
        """Where a case asks for them, the values that stand in the script are exactly those written beneath it."""
        text = case.read_text(encoding="utf-8")

        facts = read_script(tmp_path, lay_out(text, tmp_path))

        assert sections(text)["literals"].strip().splitlines() == literal_lines(facts)

    def test_is_large(self):
        """The corpus holds more than a hundred scripts."""
        assert len(CASES) > 100

    @pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
    def test_line_ends_and_mark_change_nothing(self, case, tmp_path):
        """Windows line ends and a byte order mark change no fact."""
        text = case.read_text(encoding="utf-8")
        script = lay_out(text, tmp_path)
        expected = read_script(tmp_path, script)
        for path in tmp_path.rglob("*.py"):
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

        assert expected == read_script(tmp_path, script)

    @pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
    def test_values_are_frozen(self, case, tmp_path):
        """Facts can be hashed, so nothing in them can be changed."""
        hash(read_script(tmp_path, lay_out(case.read_text(encoding="utf-8"), tmp_path)))


class TestUnreadable:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"print 'python 2'\n", "cannot be read as Python"),
            (b"x = (\n", "cannot be read as Python"),
            (b"name = '\xe9'\n", "cannot be read as Python"),
            (b"a = 1\x00\n", "train.py"),
            (b"# coding: no-such-coding\n", "cannot be read as Python"),
            (b"x = " + b"(" * 5000 + b")" * 5000, "train.py"),
            (b"#" * 2_000_001, "more than 2000000 bytes"),
        ],
        ids=["python2", "syntax", "latin1", "nul", "coding", "nesting", "size"],
    )
    def test_content(self, content, reason, tmp_path):
        """What cannot be parsed is a problem of one sentence that names the file."""
        facts = read(tmp_path, content)

        assert facts.problem is not None
        assert reason in facts.problem
        assert facts.problem.startswith("train.py ")
        assert facts.problem.endswith(".")
        assert ScriptFacts("train.py", problem=facts.problem) == facts

    def test_missing(self, tmp_path):
        """A missing script is a problem that names file and folder."""
        facts = read_script(tmp_path, "train.py")

        assert f"train.py does not exist in the source directory {tmp_path}." == facts.problem

    def test_missing_folder(self, tmp_path):
        """A missing source directory is a problem."""
        assert read_script(tmp_path / "nowhere", "train.py").problem is not None

    @pytest.mark.parametrize("script", ["", ".", "folder", "a\x00b", "train.py/x"])
    def test_no_file(self, script, tmp_path):
        """What is no file is a problem."""
        (tmp_path / "folder").mkdir()
        (tmp_path / "train.py").touch()

        assert read_script(tmp_path, script).problem is not None

    def test_declared_latin_1(self, tmp_path):
        """A script that declares its encoding is read."""
        facts = read(
            tmp_path, "# -*- coding: latin-1 -*-\nimport mlflow\nmlflow.log_metric('é', 1)\n".encode("latin-1")
        )

        assert [metric.name for metric in facts.metrics] == ["é"]

    def test_empty(self, tmp_path):
        """An empty script has no facts and no problem."""
        assert ScriptFacts("train.py", files=("train.py",)) == read(tmp_path, "")

    def test_too_much_to_follow(self, tmp_path):
        """A script that multiplies its own calls is given up, and nothing is then claimed to be complete."""
        head = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr')\na = p.parse_args()\n"
        functions = ["def f0():\n    print(a.lr)\n"]
        functions += [f"def f{n}():\n    f{n - 1}()\n    f{n - 1}()\n    f{n - 1}()\n" for n in range(1, 15)]

        facts = read(tmp_path, head + "".join(functions) + "f14()\n")

        assert facts.problem is None
        assert facts.logs_unseen
        assert not facts.options_complete
        assert facts.folder_made("lr") is None

    def test_deep_expression(self, tmp_path):
        """An expression nested very deeply is given up without a word of certainty."""
        facts = read(tmp_path, "x = " + " + ".join(["y"] * 3000) + "\n")

        assert facts.problem or facts.logs_unseen


class TestFuzz:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
    def test_any_bytes(self, content, tmp_path):
        """No content raises."""
        assert isinstance(read(tmp_path, content), ScriptFacts)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_mixed_lines(self, data, tmp_path):
        """No mixture of lines from the corpus raises."""
        case = data.draw(st.sampled_from(CASES))
        known = next(iter(sections(case.read_text(encoding="utf-8")).values())).splitlines()
        chosen = data.draw(st.lists(st.sampled_from([line.strip() for line in known]), max_size=25))
        kept = [line for line in chosen if not line.endswith(":") and compiles(line)]

        assert isinstance(read(tmp_path, "\n".join(kept)), ScriptFacts)

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_dropped_lines(self, data, tmp_path):
        """No script of the corpus raises when lines of it are missing."""
        case = data.draw(st.sampled_from(CASES))
        known = next(iter(sections(case.read_text(encoding="utf-8")).values())).splitlines()
        dropped = data.draw(st.sets(st.integers(0, max(len(known) - 1, 0)), max_size=6))

        text = "\n".join(line for number, line in enumerate(known) if number not in dropped)

        assert isinstance(read(tmp_path, text), ScriptFacts)


def compiles(line: str) -> bool:
    """Tell whether a line is a statement of its own."""
    try:
        compile(line, "line", "exec")
    except SyntaxError:
        return False
    return True


NAMES = st.lists(
    st.text(string.ascii_lowercase, min_size=1, max_size=4).map(
        lambda word: f"--{word}" if len(word) > 1 else f"-{word}"
    ),
    min_size=1,
    max_size=6,
    unique=True,
).filter(lambda names: not any("--help".startswith(name) or name == "-h" for name in names))


class TestOptionForToken:
    @settings(max_examples=300, deadline=None)
    @given(names=NAMES, data=st.data())
    def test_agrees_with_argparse(self, names, data):
        """A token names the option that argparse itself takes it for."""
        name = data.draw(st.sampled_from(names))
        cut = data.draw(st.integers(2, len(name)))
        token = name[:cut] + data.draw(st.sampled_from(["", "=7", "7"]))
        parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
        for known in names:
            parser.add_argument(known, dest=known)
        facts = ScriptFacts("train.py", options=tuple(option(known) for known in names), abbreviations=True)

        found = facts.option_for_token(token)

        try:
            values = vars(parser.parse_known_args([token, "5"])[0])
        except (argparse.ArgumentError, SystemExit):
            # argparse calls it ambiguous.
            assert found is AMBIGUOUS
            return
        taken = {known: value for known, value in values.items() if value is not None}
        if not taken:
            assert found is None
            return
        ((known, value),) = taken.items()
        assert isinstance(found, OptionMatch)
        assert known in found.option.names
        assert value == (found.value if found.value is not None else "5")

    @pytest.mark.parametrize("token", ["0.1", "-0.5", "-", "--", "lr", "", "--other", "--other=1"])
    def test_values_and_strangers(self, token):
        """A value or an unknown option names no option."""
        facts = ScriptFacts("train.py", options=(option("--lr", "-l"), option("data")), abbreviations=True)

        assert facts.option_for_token(token) is None

    @pytest.mark.parametrize(
        ("parser", "token", "found"),
        [
            ("absl", "-rate", OptionMatch(option("--rate"), None)),
            ("absl", "--r", None),
            ("absl", "-r7", None),
            ("fire", "-rate=7", OptionMatch(option("--rate"), "7")),
            ("fire", "--r", OptionMatch(option("--rate"), None)),
            ("fire", "-l", AMBIGUOUS),
            ("fire", "--layer-size", OptionMatch(option("--layer_size", "--layer-size"), None)),
            ("fire", "-layer_size", OptionMatch(option("--layer_size", "--layer-size"), None)),
        ],
    )
    def test_dashes_that_do_not_count(self, parser, token, found):
        """For absl and fire one dash is as good as two, fire takes a letter that is the first of one name only."""
        options = (option("--rate"), option("--layer_size", "--layer-size"), option("--limit"))

        assert found == ScriptFacts("train.py", parser=parser, options=options).option_for_token(token)

    def test_no_abbreviations(self):
        """Without abbreviations only whole names count."""
        facts = ScriptFacts("train.py", options=(option("--learning-rate"),))

        assert facts.option_for_token("--learn") is None
        assert facts.option_for_token("--learning-rate=1") == OptionMatch(facts.options[0], "1")

    def test_flags_put_together(self):
        """One-letter flags in one token are ambiguous."""
        facts = ScriptFacts("train.py", options=(option("-v", takes=0), option("-l")))

        assert facts.option_for_token("-vl") is AMBIGUOUS


class TestOfCommand:
    def facts(self) -> ScriptFacts:
        """Make the facts of a script with two commands and one option for both."""
        fit, score = (attrs.evolve(option("--lr"), command=name) for name in ("fit", "score_all"))
        uses = (
            use("makes", "maybe as fit"),
            use("writes_below", "maybe as fit", "if a"),
            use("lists", "maybe as score_all"),
        )
        return ScriptFacts("train.py", options=(option("--out"), fit, score), subcommands=True, path_uses=uses)

    @pytest.mark.parametrize(
        ("word", "command"), [("fit", "fit"), ("score_all", "score_all"), ("score-all", "score_all")]
    )
    def test_named(self, word, command):
        """The options of the command that is named stay, and those that every command takes."""
        facts = self.facts().of_command([word, "--lr"])

        assert [None, command] == [found.command for found in facts.options]
        assert not facts.subcommands

    def test_path_uses(self):
        """What the command does with a path is then no more than what it may do."""
        assert self.facts().of_command(["fit"]).path_uses == (use("makes"), use("writes_below", "if a"))

    def test_not_named(self):
        """Where no command is named nothing changes."""
        assert self.facts() == self.facts().of_command(["data.csv"])


class TestOption:
    @pytest.mark.parametrize("name", ["--learning-rate", "learning-rate", "-l", "l"])
    def test_found(self, name):
        """An option is found by each exact name, dashes or not."""
        facts = ScriptFacts("train.py", options=(option("--learning-rate", "-l"),))

        assert facts.option(name) == facts.options[0]

    @pytest.mark.parametrize("name", ["learning_rate", "--learning_rate", "learn", ""])
    def test_not_found(self, name):
        """Underscores and dashes differ, and an abbreviation is no name."""
        facts = ScriptFacts("train.py", options=(option("--learning-rate", "-l"),))

        assert facts.option(name) is None

    def test_unknown_default(self, tmp_path):
        """A default that is computed is unknown."""
        facts = read(tmp_path, "import argparse\nargparse.ArgumentParser().add_argument('--lr', default=1 / 3)\n")

        assert [found.default for found in facts.options] == [UNKNOWN]


def use(kind, *branches: str) -> PathUse:
    """Make a use of `out`."""
    return PathUse("out", kind, branches, PLACE)


class TestFolderMade:
    @pytest.mark.parametrize(
        ("uses", "made"),
        [
            ([], None),
            ([use("makes")], True),
            ([use("makes", "if a")], None),
            ([use("writes_below")], False),
            ([use("writes_below", "maybe a")], None),
            ([use("writes_self")], None),
            ([use("makes"), use("writes_below")], True),
            ([use("writes_below"), use("makes")], None),
            ([use("makes", "if a"), use("writes_below", "if a", "for b")], True),
            ([use("makes", "if a"), use("writes_below", "else a")], None),
            ([use("writes_below"), use("may_make")], None),
            ([use("writes_below"), use("checks")], None),
            ([use("writes_below"), use("escapes")], None),
            ([use("writes_below"), use("subprocess")], None),
            ([use("writes_below"), use("reads_below"), use("lists")], False),
        ],
    )
    def test_verdict(self, uses, made):
        """Only a make that surely comes first is a yes; only a write with nothing that may make is a no."""
        assert made is ScriptFacts("train.py", path_uses=tuple(uses)).folder_made("out")

    def test_joined_after_other_path(self):
        """Joining is told for the option that is joined, and for no other."""
        facts = ScriptFacts("train.py", path_uses=(use("joined_after"),))

        assert facts.joined_after_other_path("out")
        assert not facts.joined_after_other_path("other")

    def test_other_options_do_not_count(self):
        """Each option has its own folder."""
        other = attrs.evolve(use("makes"), option="other")

        assert ScriptFacts("train.py", path_uses=(other, use("writes_below"))).folder_made("out") is False


PARSER = """
import argparse, copy, json, os, pickle, subprocess, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
"""
PARSED = PARSER + "args = parser.parse_args()\n"
CLICK = """
import click
@click.command()
@click.option("--lr", type=float)
{0}
if __name__ == "__main__":
    main()
"""


class TestUnusedOptions:
    @pytest.mark.parametrize(
        "rest",
        [
            "",
            "print(args, vars(args), f'{args}', str(args))",
            "import logging\nlogging.info('%s', args)\nlogger = logging.getLogger()\nlogger.info(args)",
            "lr = 0.1\nprint(lr)",
            "optimizer = {'lr': 0.1}\nprint(optimizer['lr'])",
            "def show(options):\n    print(options)\nshow(args)",
            "for name in sorted(vars(args).keys()):\n    print(name, getattr(args, name))",
            "class Holder:\n    def __init__(self, args):\n        self.args = args\nHolder(args)",
            "args.lr = 0.1\ntrain(args.lr)",
            "def main():\n    args.lr = 0.1\n    train(args.lr)\nmain()",
        ],
    )
    def test_surely_unused(self, rest, tmp_path):
        """An option is unused when nothing reads it and its values go nowhere but into print."""
        assert read(tmp_path, PARSED + rest).unused_options == ("lr",)

    @pytest.mark.parametrize(
        "rest",
        [
            "train(args.lr)",
            "train(args.lr)\nargs.lr = 0.1",
            "args.lr = args.lr * 2\ntrain(args.lr)",
            "if debug():\n    args.lr = 0.1\ntrain(args.lr)",
            "if args.lr is None:\n    args.lr = 0.1\ntrain(args.lr)",
            "args.lr = scaled(args)\ntrain(args.lr)",
            "for step in steps():\n    args.lr = 0.1\ntrain(args.lr)",
            "train(vars(args)['lr'])\nargs.lr = 0.1",
            "train(args)",
            "train(vars(args))",
            "train(**vars(args))",
            "train({**vars(args)})",
            "train([args])",
            "train(config={'args': args})",
            "train(getattr(args, name()))",
            "train(getattr(args, 'lr'))",
            "train(vars(args)['lr'])",
            "train(vars(args).get('lr'))",
            "train(args.__dict__['lr'])",
            "train(f'{args}')",
            "train('%s' % args)",
            "train('{}'.format(args))",
            "train(str(args))",
            "train(json.dumps(vars(args)))",
            "train(copy.deepcopy(args))",
            "subprocess.run(['python', 'inner.py', json.dumps(vars(args))])",
            "subprocess.run(['python', 'inner.py', *sys.argv[1:]])",
            "pickle.dump(args, open('args.pkl', 'wb'))",
            "json.dump(vars(args), open('args.json', 'w'))",
            "open('args.json', 'w').write(json.dumps(vars(args)))",
            "globals().update(vars(args))",
            "found = {}\nfound.update(vars(args))\ntrain(found)",
            "for name, value in vars(args).items():\n    train(name, value)",
            "for value in vars(args).values():\n    train(value)",
            "train(locals())",
            "os.environ.update(vars(args))",
            "exec('train(args)')",
            "train(**dict(vars(args), depth=3))",
            "config = vars(args) | {}\ntrain(config)",
            "match args:\n    case argparse.Namespace(lr=rate):\n        train(rate)",
            "def dead():\n    train(args.lr)\n",
            "class Net(Module):\n    def __init__(self):\n        self.args = args\nnet = Net()",
            "class Net:\n    def __init__(self):\n        self.all = {'args': args}\nfit(Net())",
            "def start(**options):\n    train(options['lr'])\nstart(**vars(args))",
            "print(train(args))",
        ],
    )
    def test_perhaps_used(self, rest, tmp_path):
        """Nothing is claimed where the option is read, or all go where it is not seen which are used."""
        assert read(tmp_path, PARSED + rest).unused_options == ()

    @pytest.mark.parametrize(
        "text",
        [
            PARSER + "parser.parse_args(namespace=make())",
            PARSER + "parse(parser)",
            PARSER + "args = parser.parse_args()\nprint(sys.argv)",
            PARSER + "args, rest = parser.parse_known_args()\ntrain(rest)",
            PARSER.replace("type=float", "type=set_up") + "args = parser.parse_args()",
            PARSER.replace("type=float", "action=Act") + "args = parser.parse_args()",
        ],
    )
    def test_parsing_unclear(self, text, tmp_path):
        """Nothing is claimed where something else may get at the value."""
        assert read(tmp_path, text).unused_options == ()

    @pytest.mark.parametrize(
        ("main", "unused"),
        [
            ("def main(lr):\n    lr = 0.1", ()),
            ("def main(lr):\n    print('lr')", ("lr",)),
            ("def main(lr):\n    train(lr)", ()),
            ("def main(lr):\n    train(**locals())", ()),
            ("def main(**options):\n    train(options)", ()),
            ("def main(lr):\n    train(click.get_current_context().params)", ()),
            ("@click.pass_context\ndef main(context, lr):\n    train(context.params)", ()),
            ("@click.option('--depth', callback=check)\ndef main(lr, depth):\n    pass", ()),
        ],
    )
    def test_click(self, main, unused, tmp_path):
        """An option of click is unused when its parameter is never named."""
        assert unused == read(tmp_path, CLICK.format(main)).unused_options


class TestKeepsBest:
    @pytest.mark.parametrize(
        "line",
        [
            "best_loss = 1.0",
            "model.save('BestModel.h5')",
            "callbacks = [ModelCheckpoint('x')]",
            "EarlyStopping(patience=3)",
            "fit(early_stopping_rounds=10)",
            "fit(restore_best_weights=True)",
            "model.load_state_dict(kept)",
            "kept = copy.deepcopy(model.state_dict())",
        ],
    )
    def test_sign(self, line, tmp_path):
        """A word of keeping the best state is a sign."""
        assert read(tmp_path, f"model = make()\n{line}\n").keeps_best

    def test_none(self, tmp_path):
        """A plain loop that saves at its end shows no sign."""
        assert not read(tmp_path, "for epoch in range(9):\n    step()\nmodel.save('model.h5')\n").keeps_best


class TestLiterals:
    def test_no_more_than_some_hundreds(self, tmp_path):
        """A script that is all values gives the first of them."""
        facts = read(tmp_path, "".join(f"value_{number} = {number}\n" for number in range(1000)))

        assert [fixed.value for fixed in facts.literals] == list(range(300))


class TestPlace:
    def test_str(self):
        """A place prints as file and line."""
        assert str(Place("common/a.py", 12)) == "common/a.py:12"


class TestFiles:
    def test_script_given_in_full(self, tmp_path):
        """A script may be given by its full path."""
        path = tmp_path / "train.py"
        path.write_text("import helper\n")
        (tmp_path / "helper.py").touch()

        assert read_script(tmp_path, str(path)).files == ("train.py", "helper.py")

    def test_nothing_outside_is_read(self, tmp_path):
        """Modules outside the source directory are not read, not even by a relative import."""
        (tmp_path / "outside.py").write_text("import mlflow\nmlflow.log_metric('x', 1)\n")
        inner = tmp_path / "src"
        inner.mkdir()
        (inner / "train.py").write_text("from .. import outside\nfrom ..outside import x\n")

        facts = read_script(inner, "train.py")

        assert facts.files == ("train.py",)
        assert facts.metrics == ()

    def test_nothing_is_run(self, tmp_path):
        """Reading runs nothing of the script."""
        facts = read(tmp_path, f"open({str(tmp_path / 'trace')!r}, 'w')\n")

        assert facts.problem is None
        assert not (tmp_path / "trace").exists()


class TestPrograms:
    @pytest.mark.parametrize(
        "call",
        [
            "subprocess.check_call([sys.executable, '-m', 'pip', 'install', name])",
            "subprocess.run('pip install -r requirements.txt', shell=True, check=True)",
            "subprocess.check_output(['nvidia-smi'])",
            "os.system('ls -la && nvidia-smi')",
            "os.system('git rev-parse HEAD | cat')",
            "subprocess.run(args=['/usr/bin/unzip', 'data.zip', '-d', folder])",
        ],
    )
    def test_harmless(self, call, tmp_path):
        """A program that is known neither logs nor reads the command line."""
        facts = read(tmp_path, f"import os, subprocess, sys\n{call}\n")

        assert (facts.logs_unseen, facts.command_line_unseen) == (False, False)

    @pytest.mark.parametrize(
        "call",
        [
            "os.system('sh run.sh')",
            "os.system('pip install x; fit')",
            "os.system('echo $(fit)')",
            "os.system(command)",
            'os.system("echo \'open")',
            "subprocess.run(command)",
            "subprocess.run([program, 'x'])",
            "subprocess.run(['python', '-m', 'fit'])",
            "subprocess.Popen(['fit'] + words)",
            "subprocess.run([])",
            "os.execv('/bin/sh', ['sh', 'run.sh'])",
        ],
    )
    def test_unknown(self, call, tmp_path):
        """Any other program may do both, and make folders."""
        facts = read(tmp_path, f"import os, subprocess, sys\n{call}\n")

        assert (facts.logs_unseen, facts.command_line_unseen) == (True, True)
        assert [folder.name for folder in facts.folders_made] == [None]

    def test_mkdir(self, tmp_path):
        """A program that makes a folder may make any, and does nothing else."""
        facts = read(tmp_path, "import os\nos.system('mkdir -p outputs/model')\n")

        assert [folder.name for folder in facts.folders_made] == [None]
        assert not facts.logs_unseen
