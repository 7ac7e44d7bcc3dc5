# bash completion for aoe-initiator(8): commands, options, interfaces, files.

_aoe_initiator_options() {
  local common='--interface --deadsecs --maxout --max-sectors --profile --wait --verbose --trace --help'
  case $1 in
    discover) echo "$common --json --mount" ;;
    interfaces) echo "$common --json --mount --clear" ;;
    stat) echo "$common --json --mount" ;;
    identify) echo "$common --json --raw" ;;
    smart) echo "$common --json" ;;
    ping) echo "$common --count --interval" ;;
    sancheck) echo "$common --count --json" ;;
    sos) echo "$common --mount" ;;
    read | write) echo "$common --offset --length --quiet" ;;
    copy) echo "$common --offset --length --quiet --verify --resume" ;;
    bench)
      echo "$common --read --write --destroy-data --random --sequential --size --outstanding --seconds --json"
      ;;
    revalidate) echo "$common --json --mount" ;;
    flush) echo "$common --all --mount" ;;
    mount) echo "$common --timeout --daemon --allow-other --log-level --owner --group --mode" ;;
    config) echo "$common --json" ;;
    mask) echo "$common --add --delete --force --json" ;;
    reserve) echo "$common --set --force --release --json" ;;
  esac
}

_aoe_initiator() {
  local commands='discover stat identify smart interfaces ping sancheck sos read write copy bench revalidate
    flush mount config mask reserve'
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
  local choices=''
  if ((COMP_CWORD == 1)); then
    choices="$commands --help --version"
  elif [[ $previous == --interface || ($command == interfaces && $word != -*) ]]; then
    choices=$(cd /sys/class/net && echo *)
  elif [[ $previous == --profile ]]; then
    choices='rfc6298 linux'
  elif [[ $previous == --log-level ]]; then
    choices='error warning info debug'
  elif [[ $previous == --mount || ($command == mount && $word != -*) ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$word")
    return
  elif [[ $word == -* ]]; then
    choices=$(_aoe_initiator_options "$command")
  elif [[ $command == config ]] && ((COMP_CWORD == 2)); then
    choices='get test prefix set force-set'
  elif [[ $command == smart ]] && ((COMP_CWORD == 3)); then
    choices='return-status read-data read-thresholds read-log: write-log: offline-immediate: enable disable'
  elif [[ $command == copy ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -F _aoe_initiator aoe-initiator
