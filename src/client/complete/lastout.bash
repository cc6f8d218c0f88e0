# lastout completions bash; in ~/.bashrc: eval "$(lastout completions bash)"
_lastout() {
    local IFS=$'\n' word=${COMP_LINE:0:COMP_POINT} words
    word=${word##*[[:space:]]}
    IFS=$' \t\n' read -ra words <<<"${COMP_LINE:0:COMP_POINT-${#word}}"
    COMPREPLY=($("${words[0]}" complete-words "${words[@]:1}" "$word" 2>/dev/null))
    # What stands before a colon is a word of its own to bash.
    [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] &&
        COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
    return 0
}
complete -o bashdefault -o default -F _lastout lastout
