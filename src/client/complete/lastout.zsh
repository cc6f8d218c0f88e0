#compdef lastout
# lastout completions zsh; in ~/.zshrc: eval "$(lastout completions zsh)"
_lastout() {
    local -a found
    found=("${(@f)$(${words[1]} complete-words "${(@)words[2,CURRENT-1]}" "${words[CURRENT]}" 2>/dev/null)}")
    if [[ -n ${found[1]} ]]; then compadd -- $found; else _files; fi
}
if [[ $funcstack[1] == _lastout ]]; then
    _lastout "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
    compdef _lastout lastout
fi
