# What ci/demo, ci/test and ci/checks/ share; they source it. It changes to the root of the project.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'ci: %s\n' "$*"; }
die() { printf 'ci: %s\n' "$*" >&2; exit 1; }
skip() { printf 'SKIP: %s\n' "$*"; exit 77; }
have() { command -v "$1" >/dev/null; }

# packages SECTION...: the packages of these sections of ci/packages.txt, one a line, with their alternatives: a | b.
packages() {
  awk -v wanted=" $* " '/^# \[/ { section = $2; gsub(/[][]/, "", section) }
                        /^[^#]/ && index(wanted, " " section " ")' ci/packages.txt
}

# missing_packages SECTION...: those of which no alternative is installed.
missing_packages() {
  local installed name
  installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $(packages "$@" | tr --delete '|') 2>/dev/null |
    sed -n 's/^installed //p' | tr '\n' ' ' || true)"
  packages "$@" | while read -r line; do
    for name in ${line//|/}; do
      [[ $installed != *" $name "* ]] || continue 2
    done
    printf '%s\n' "$line"
  done
}

# install_packages SECTION...: installs what is missing of these sections, and removes nothing.
install_packages() {
  local missing log
  if ! have dpkg-query || ! have apt-get; then
    die "this is not a Debian system; the project is built and tested on Debian 12 with the packages:"$'\n'"$(packages "$@")"
  fi
  missing=$(missing_packages "$@" | paste --serial --delimiters=,)
  [[ $missing ]] || return 0

  local install=(apt-get satisfy -y --no-install-recommends --no-remove "$missing")
  local by_hand="apt-get satisfy --no-install-recommends '$missing'"
  local become_root=()
  if ((EUID != 0)); then
    if ! have sudo || ! { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
      die "packages are missing, and installing them takes root or sudo. As root:"$'\n'"  apt-get update && $by_hand"
    fi
    become_root=(sudo)
  fi
  say "installing packages: ${missing//,/, }"
  log=$(mktemp)
  apt() {
    "${become_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" -o DPkg::Lock::Timeout=300 </dev/null >"$log" 2>&1
  }
  # The first try fails where the package lists are empty or old.
  if ! apt "${install[@]}"; then
    if ! apt apt-get update -o APT::Update::Error-Mode=any; then
      grep '^[EW]:' "$log" >&2 || cat "$log" >&2
      die "apt-get update failed: is the network there?"
    fi
    if ! apt "${install[@]}"; then
      by_hand="${become_root[*]} $by_hand"
      if grep -q 'remove is disabled' "$log"; then
        die "installing these would remove:" $(sed -n '/will be REMOVED/,/^[^ ]/s/^  //p' "$log") "
If that is all right:"$'\n' $by_hand
      fi
      grep '^[EW]:' "$log" >&2 || cat "$log" >&2
      die "these packages are those of Debian 12 and 13, and this is $(. /etc/os-release; echo "$PRETTY_NAME"). To try by hand:"$'\n' $by_hand
    fi
  fi
  rm -f "$log"
}

# build PRESET [TARGET...]: configures and builds in build/PRESET. Silent but for errors; on a terminal it shows progress.
# With sanitized_build=FOLDER, ctest takes the tests marked SANITIZED from that build, and they are not built here.
build() {
  local preset=$1 start=$SECONDS log quiet=(--quiet)
  local configure=(-DAOE_SANITIZED_BUILD="${sanitized_build:-}")
  shift
  if have ccache; then
    configure+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    # What one checkout compiled serves another; precompiled headers are believed to be what they were made of.
    export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
    export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  fi
  if [[ -t 1 ]]; then quiet=(); fi
  say "building $preset: ${*:-everything}"
  mkdir -p build
  log=build/configure-$preset.log
  cmake --preset "$preset" "${configure[@]}" >"$log" 2>&1 || { cat "$log" >&2; die "cmake --preset $preset failed"; }
  cmake --build --preset "$preset" -j "$(nproc)" ${1:+--target "$@"} -- "${quiet[@]}" || die "building $preset failed"
  say "built build/$preset in $((SECONDS - start)) s"
}
