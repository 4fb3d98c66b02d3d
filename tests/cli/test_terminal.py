"""The command line as a person types and sees it: help, completion, lines that fit."""

import shlex
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import cli
from micrograd_gd.cli.messages import fold


@pytest.mark.parametrize(
    "example", [example for examples in cli.COMMANDS.values() for example in examples]
)
def test_the_examples_of_the_help_are_commands(example, run):
    name, *arguments = shlex.split(example.partition(" <")[0])
    assert f"\n    micrograd-gd {example}\n" in run(name, "-h").out
    command = cli.app.commands[name]
    command.make_context(name, cli.shield_minus([name, *arguments])[1:])  # takes all of them


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("tr", "train"),
        ("train --opt", "--optimizer"),
        ("train --optimizer mo", "momentum"),
        ("find-lr --activation ta", "tan\ntanh"),
        ("ops softp", "softplus"),
    ],
)
def test_the_shell_completes_commands_options_and_their_words(words, completed, run, monkeypatch):
    monkeypatch.setenv("_MICROGRAD_GD_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"micrograd-gd {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    assert run().out.strip() == completed


@pytest.mark.parametrize("command", sorted(cli.FORMULAS))
@pytest.mark.parametrize("formula", ["-x", "-x**2", "-1 * x", "--x"])
def test_a_formula_may_begin_with_a_minus(command, formula, run, monkeypatch):
    monkeypatch.setattr("micrograd_gd.cli.play._open", lambda _: True)
    end = (
        ["--max-steps", "1"]
        if command == "descend"
        else ["--at", "x=1,o=2"[: 3 + 4 * ("o" in formula)]]
    )
    done = run(command, *end, *(["--"] if formula == "--x" else []), formula)
    assert "No such option" not in done.err
    assert done.out


@pytest.mark.parametrize("command", ["train a.csv", "play --data a.csv", "play --data=a.csv"])
def test_a_column_may_begin_with_a_minus(command):
    arguments = [*command.split(), "--target", "-y"]
    assert cli.shield_minus(arguments) == arguments


@pytest.mark.parametrize("command", ["train iris --epochs 1", "descend x**2 --lr 1.4"])
def test_long_lines_are_folded_to_the_width_of_a_terminal(command, run, monkeypatch):
    monkeypatch.setattr("micrograd_gd.cli.run._draw", lambda *_: [])  # which takes most of the time
    whole = run(*command.split())
    shutil.rmtree("run", ignore_errors=True)
    for module in ("messages", "printing"):
        monkeypatch.setattr(f"micrograd_gd.cli.{module}.measure_width", lambda _: 60)
    folded = run(*command.split())
    for before, after in ((whole.out, folded.out), (whole.err, folded.err)):
        assert max(map(len, after.splitlines()), default=0) <= 60
        words, same = (text.partition("of the test rows")[0].split() for text in (before, after))
        assert words == same


COMMAND = "micrograd-gd demo --seed 1;"


@given(text=st.lists(st.sampled_from(["a", "bcd", "  ", "x" * 9, COMMAND])))
def test_a_folded_line_keeps_its_words_and_its_commands(text):
    line = " ".join(text)
    parts = fold(line, 30)
    assert " ".join(parts).split() == line.split()
    assert all(len(part) <= 34 for part in parts)
    assert sum(part.count(COMMAND) for part in parts) == text.count(COMMAND)
