# bash completion of antlet(8). It is read when antlet is first completed; the command itself knows its words.
# shellcheck shell=bash
eval "$(antlet completion bash)"
