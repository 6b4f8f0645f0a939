"""Shell completion of verbs, options and choices, as a script that the shell evaluates once: nothing starts at a Tab."""

from __future__ import annotations

SHELLS = ("bash", "zsh", "fish")
# zsh runs bash's script by its own bashcompinit.
BASH = """\
_emotion_camera() {{
    local words
    if (( COMP_CWORD == 1 )); then words="{verbs} --help --version"
    else case "${{COMP_WORDS[1]}}" in
{cases}
    esac; fi
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _emotion_camera emotion-camera"""
ZSH = "autoload -Uz bashcompinit compinit && compinit && bashcompinit\n"


def script(shell: str, words: dict[str, list[str]]) -> str:
    """The script for one of SHELLS; `words` has for each verb what may follow it."""
    if shell == "fish":
        lines = [f"complete -c emotion-camera -n __fish_use_subcommand -a '{' '.join(words)}'"]
        lines += [
            f"complete -c emotion-camera -n '__fish_seen_subcommand_from {verb}' -a '{' '.join(after)}'"
            for verb, after in words.items()
        ]
        return "\n".join(lines)
    cases = "\n".join(f'        {verb}) words="{" ".join(after)}" ;;' for verb, after in words.items())
    return (ZSH if shell == "zsh" else "") + BASH.format(verbs=" ".join(words), cases=cases)
