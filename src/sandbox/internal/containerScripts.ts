/**
 * What runs in a container on our behalf, for `/bin/sh` of any kind: around each command, to end commands, and to see to files.
 * What ends commands uses nothing but the shell itself, for it must work when no further process can be started.
 */
import { limitWords } from "./processCommand.ts"

/**
 * Around one command: says that it begins, runs it with limits that mark it, and says on both outputs how it ended. It stays
 * outside of the mark, and a group that is told to end does not take it along. `$1` is the word that it says things by.
 */
export const around = (mark: number, fileBytes: number | undefined, size: string): string =>
  [
    "exec 3>&2 2>/dev/null",
    "trap : HUP INT QUIT TERM USR1 USR2 ALRM TSTP",
    "t=$1; shift",
    kills,
    "kills; b=$n",
    `(exec 2>&3 3>&-; ${limitWords(mark, fileBytes)}${locks(mark)}${size}printf %s "$t+"; exec "$@")`,
    "c=$?; n=$b; [ $c = 137 ] && kills",
    'printf "%s=%s %s;" "$t" $c $((n-b)); printf "%s=%s %s;" "$t" $c $((n-b)) >&3'
  ].join("\n")

/** Reads requests of one line each, and ends with its input. `T` of each is what it says its answers by. */
export const loop = (functions: string): string => `${functions}\nwhile IFS= read -r q; do eval "$q"; done`

/** The words of a third limit that marks and bounds nothing. Shells call it by one letter or the other. */
const locks = (mark: number): string => `ulimit -w ${mark} 2>/dev/null || ulimit -x ${mark} 2>/dev/null;`

/** How often the system has killed for want of memory, in `n`; in one place or the other. */
const kills = `kills() { n=0; for f in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
[ -r $f ] && while read -r k v; do case $k in oom_kill) n=$v;; esac; done <$f; done; }`

/**
 * Finds the processes of a mark: those that have it as one of three limits, which children inherit and cannot raise. One that
 * lowered all of them has no mark that lives, and is taken to be of whichever is asked about first. Marks grow: one of a later
 * command than `$3` is not of one that lowered them.
 */
const scan = `scan() { found=; for d in /proc/[0-9]*; do t= m= w=
{ while read -r a b c s h u; do case $a$b$c in
Maxcputime) t=$h;; Maxresidentset) m=$h;; Maxfilelocks) w=$h; break;; esac; done; } <$d/limits
[ -n "$w" ] && [ "$t$m$w" != unlimitedunlimitedunlimited ] || continue
[ "$m" = unlimited ] || m=$((m/1024))
case " $t $m $w " in *" $1 "*) ;; *unlimited*) continue;;
*) [ $t -gt $3 ] || [ $m -gt $3 ] || [ $w -gt $3 ] && continue
for o in $2; do case " $t $m $w " in *" $o "*) continue 2;; esac; done;; esac
alive $d && found="$found \${d#/proc/}"; done; }
alive() { read -r l <$1/stat || return 1; set -- \${l##*) }
case $1 in [ZX]) [ "\${18:-1}" -gt 1 ];; esac; }`

/** For the one that ends commands. All get a mark, the marks of other commands that are under way, and the last one given. */
export const warden = `exec 2>/dev/null
${scan}
tell() { scan "$@"; for p in $found; do kill -$4 $p; [ $4 = TERM ] && kill -CONT $p; done; printf '%s=ok\\n' "$T"; }
left() { scan "$@"; set -- $found; printf '%s%s%s=ok\\n' "$T" $# "$T"; }
end() { i=0; while [ $i -lt 2000 ]; do scan "$@"; [ -z "$found" ] && break; j=0 was=
while [ "$found" != "$was" ] && [ $j -lt 200 ]; do was=$found; kill -STOP $was; scan "$@"; j=$((j+1)); done
kill -KILL $found; i=$((i+1)); done; left "$@"; }
used() { scan "$@"; r=0; for p in $found; do read -r s m o </proc/$p/statm && r=$((r+m)); done
k=$((r*4)); [ $k -gt $4 ] && { k=0; for p in $found; do { while read -r a v u; do case $a in Pss:) k=$((k+v)); break;; esac; done; } </proc/$p/smaps_rollup; done; }
set -- $found; printf '%s%s %s%s=ok\\n' "$T" $# $k "$T"; }`

/** How files are told: kind and rights, size, seconds, what its version is made of, and its name. */
const told = "%f %s %Y %i %y %z/%n"

/**
 * For those that see to files. What a tool complains of is handed on. Answers of several parts have the word of the request
 * between them.
 */
export const files = (mark: number): string => `nl='
'
set -f; p0=$PATH; PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH; V='%s %i %y %z'; F='${told}'
${locks(mark)}
ok() { printf '%s=ok\\n' "$T"; }
no() { printf '%s=%s\\n' "$T" "$1"; }
sys() { printf '%s%s%s=sys\\n' "$T" "$e" "$T"; }
try() { e=$("$@" 2>&1 </dev/null); }
gone() { try stat -L -c %f "$1" && e='Permission denied'; sys; }
real() { at=$(readlink -f "$1" 2>/dev/null </dev/null && printf x); at=\${at%"$nl"x}; [ -n "$at" ]; }
missing() { m=; for p in "$@"; do command -v $p >/dev/null || m="$m $p"; done; printf '%s%s' "$T" "$m"; ok; }
stat_() { case $1 in */) [ -d "$1" ] || { gone "$1"; return; };; esac
real "$1" && stat -L -c "$T$F" "$at" 2>/dev/null </dev/null && ok || gone "$1"; }
read_() { [ -f "$1" ] || { if [ -e "$1" ]; then no NotFile; else gone "$1"; fi; return; }
o=; { o=1; stat -L -c "$T$F" /proc/self/fd/4 </dev/null; n=$(stat -L -c %s /proc/self/fd/4 </dev/null)
if [ "$n" = 0 ]; then l=\${3:-65537}; else l=$((n-$2)); [ $l -gt 0 ] || l=0; [ -n "$3" ] && [ $3 -lt $l ] && l=$3; fi
if [ $l -gt $4 ]; then no TooLarge; else printf %s "$T"
if [ $l -gt 0 ]; then if [ $2 -gt 0 ]; then tail -c +$(($2+1)) <&4 2>/dev/null | head -c $l; else head -c $l <&4; fi; fi
stat -L -c "$T$F" /proc/self/fd/4 </dev/null; ok; fi; } 4<"$1" 2>/dev/null
[ -n "$o" ] || { e=$( (: <"$1") 2>&1 ); sys; }; }
write_() { case $1 in */) [ -d "$1" ] && no NotFile || { e='Is a directory'; sys; }; return;; esac
[ -d "$1" ] && { no NotFile; return; }
m= v=; if [ -e "$1" ]; then [ -f "$1" ] || { no NotFile; return; }; m=$(stat -L -c %a "$1" </dev/null)
else case $2 in ''|absent) ;; *) no Changed; return;; esac
d=\${1%/*}; [ -d "$d/" ] || try mkdir -p "$d" || { case $e in *exists*) e='Not a directory';; esac; sys; return; }; fi
real "$1" || { real "\${1%/*}/" && at=\${at%/}/\${1##*/}; } || { gone "$1"; return; }
t=\${at%/*}/$4; e=$( (umask 022; set -C; : >"$t") 2>&1 ) || { sys; return; }
no +; k=$(($3/65536)) r=$(($3%65536))
e=$( { [ $k = 0 ] || dd bs=65536 count=$k iflag=fullblock; [ $r = 0 ] || dd bs=$r count=1 iflag=fullblock; } 2>&1 >"$t")
[ "$(stat -c %s "$t" </dev/null)" = $3 ] || { rm -f "$t" </dev/null; sys; exit; }
[ -z "$m" ] || chmod $m "$t" </dev/null
put "$2"; case $? in 0) ;; 1) rm -f "$t" </dev/null; no Changed; return;; *) rm -f "$t" </dev/null; sys; return;; esac
stat -L -c "$T$F" "$at" </dev/null 2>/dev/null && ok || gone "$1"; }
put() { case $1 in absent) [ -e "$at" ] || [ -L "$at" ] && return 1
try ln "$t" "$at" && { rm -f "$t" </dev/null; return 0; }
[ -e "$at" ] && return 1;;
?*) [ "$(stat -L -c "$V" "$at" 2>/dev/null </dev/null)" = "$1" ] || return 1;; esac
try mv -f "$t" "$at" || return 2; }
folder() { [ -d "$1" ] || { if [ -e "$1" ]; then no NotFolder; else gone "$1"; fi; return 1; }
[ -r "$1" ] && [ -x "$1" ] || { e='Permission denied'; sys; return 1; }; }
list_() { folder "$1" || return; (cd "$1" && exec find . -mindepth 1 -maxdepth 1 -exec stat -c "$T$F" {} +) 2>/dev/null </dev/null; ok; }
all_() { folder "$1" || return; (cd "$1" && exec find . -mindepth 1 -exec stat -c "$T$F" {} +) 2>/dev/null </dev/null; ok; }
remove_() { real "\${1%/*}/" || { gone "$1"; return; }; at=\${at%/}/\${1##*/}
case $3/ in "$at"/*) no Own; return;; esac
[ -L "$at" ] || [ -e "$at" ] || { try stat -c %f "$1"; sys; return; }
if [ -d "$at" ] && [ ! -L "$at" ]; then if [ -n "$2" ]; then try rm -rf "$at"; else try rmdir "$at"; fi; else try rm -f "$at"; fi
if [ $? = 0 ]; then ok; else sys; fi; }
place() { (cd "$1") 2>/dev/null </dev/null || { if [ -e "$1" ] && [ ! -d "$1" ]; then no NotFolder; else gone "$1"; fi; return; }
real "$1"; printf '%s%s' "$T" "$at"; [ -n "$2" ] || { ok; return; }
case $2 in */*) case $2 in /*) f=$2;; *) f=$at/$2;; esac; runs "$f"; return;; esac
z=; IFS=:; for g in \${3:-$p0}; do case $g in '') g=$at;; /*) ;; *) g=$at/$g;; esac
[ -e "$g/$2" ] && { z=1; [ -f "$g/$2" ] && [ -x "$g/$2" ] && { IFS=$i0; ok; return; }; }; done; IFS=$i0
if [ -n "$z" ]; then no Denied; else no NotFound; fi; }
runs() { if [ ! -e "$1" ]; then no NotFound; elif [ -f "$1" ] && [ -x "$1" ]; then ok; else no Denied; fi; }
i0=$IFS`
