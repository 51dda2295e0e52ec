/**
 * Programs that run other programs, as data, and what they run. What cannot be told from the words is a problem.
 */
import { byProgram, flagged, matchesText } from "./commandRules.ts"
import type { Word } from "./commandSyntax.ts"
import { unknown } from "./commandSyntax.ts"

/** What a command runs: other words, or the text of a script. */
export type Inner =
  | { readonly _tag: "Words"; readonly words: ReadonlyArray<Word> }
  | { readonly _tag: "Script"; readonly text: string }

/**
 * What is known of the commands inside a command. `elevated`: it runs them as someone else or somewhere else.
 * `transparent`: it is no more than what it runs. `unseen`: it runs code that the line does not show.
 */
export interface Inside {
  readonly inner: ReadonlyArray<Inner>
  readonly transparent?: boolean | undefined
  readonly elevated?: boolean | undefined
  readonly unseen?: boolean | undefined
  readonly problem?: string | undefined
}

/** What the program runs, by its base name and its words; `undefined` when it runs nothing of the kind. */
export const inside = (
  program: string,
  words: ReadonlyArray<Word>,
  documents: ReadonlyArray<Word>
): Inside | undefined => {
  if (shells.has(program)) return shell(words, documents)
  if (program === "find" || program === "gfind") return find(words)
  if (program === "eval") return script(words)
  if (program === "." || program === "source") {
    const file = text(words[0])
    return { inner: [], unseen: file === undefined || /^\/(?:dev|proc)\//.test(file) }
  }
  if (program === "trap") return words.length < 2 || text(words[0]) === "-" ? undefined : script(words.slice(0, 1))
  if (program === "command" && /^-[pvV]*[vV]/.test(text(words[0]) ?? "")) return undefined
  if (refused.has(program)) return { inner: [], problem: `${program} has others run what is not seen here` }
  if ((program === "docker" || program === "podman") && text(words[0]) === "exec")
    return wrapped(containers, words.slice(1))
  if (program === "kubectl" && text(words[0]) === "exec") return separated(words)
  const wrapper = wrappers.get(program)
  return wrapper === undefined ? undefined : wrapped(wrapper, words)
}

/** The words of the command that are code in another language or have another program run. */
export const code = (program: string, words: ReadonlyArray<Word>): ReadonlyArray<Word> => {
  const found = codesOf(program).flatMap(([options, patterns]) =>
    words.filter(
      (word, index) =>
        (options.length > 0 && flagged(options, [word]) !== "no") ||
        patterns.some((pattern) => (pattern === "*" ? index === 0 : matchesText(pattern, word.text ?? word.raw)))
    )
  )
  return /^g?sed$/.test(program) ? [...found, ...sed(words)] : found
}

/** Whether an interpreter is given no program, so that it takes one from its input. */
export const idle = (program: string, words: ReadonlyArray<Word>): boolean =>
  interpreters.test(program) &&
  words.every(
    ({ text = "" }) =>
      /^-|^\/dev\//.test(text) && !/^-(?:[A-Za-z]*[ceErmMp]|[vVh]$|-(?:version|help|test|eval|print))/.test(text)
  )

/** Programs that bring text from elsewhere. */
export const downloads = (program: string): boolean =>
  /^(?:curl|wget|wget2|fetch|aria2c|http|https|xh|lynx|links|w3m|nc|ncat|netcat|socat|telnet|ftp|tftp|scp|sftp|lwp-request|get)$/.test(
    program
  )

// internal

const interpreters =
  /^(?:(?:python|pypy|perl|ruby|php|lua)[0-9.]*|node|nodejs|bun|deno|tclsh|osascript|psql|mysql|sqlite3|ed|ex)$/

interface Wrapper {
  readonly flags: ReadonlySet<string>
  readonly values: ReadonlySet<string>
  /** Words before the command that are not options. */
  readonly operands: number
  readonly kind: string
}

const text = (word: Word | undefined): string | undefined => (word === undefined || word.glob ? undefined : word.text)

const shells = new Set("sh bash dash zsh ksh ksh93 mksh pdksh ash rbash yash posh hush bash5".split(" "))

/** They run what they read, or what was told to them before; nothing in the line shows it. */
const refused = new Set(
  `alias enable bind coproc let fc at batch parallel script su runuser runcon fish csh tcsh pwsh powershell cmd wsl nu elvish xonsh
  nsenter unshare bwrap firejail systemd-run expect rlwrap dtach screen tmux complete compgen setarch linux32 linux64 start-stop-daemon
  daemonize machinectl lxc-attach vagrant rsh rexec dbus-launch dbus-run-session gdb lldb proot fakeroot capsh cpulimit entr`.split(
    /\s+/
  )
)

/** Programs: flags: options with a value: words before the command: kind. */
const table = `
nohup::::
setsid:-c -f -w --ctty --fork --wait:::
time:-p -v -a --verbose --portability --append:-f -o --format --output::
nice::-n --adjustment::
ionice:-t --ignore:-c -n --class --classdata::
timeout gtimeout:--preserve-status --foreground -v --verbose:-k -s --kill-after --signal:1:
stdbuf::-i -o -e --input --output --error::
command:-p:::
builtin::::
exec:-c -l:-a::
env genv:-i -0 -v - --ignore-environment --null --debug:-u --unset::assignments
sudo:-n -E -H -b -k -A -P -S -B --non-interactive --preserve-env --set-home --stdin --background:-u -g -p -C -T -r -t --user --group --prompt::elevated assignments
doas:-n:-u::elevated assignments
pkexec::--user::elevated
chroot::--userspec --groups:1:elevated
xargs gxargs:-0 -r -t -x -o --null --no-run-if-empty --verbose --exit:-n -P -L -s -d -E -a -I --max-args --max-procs --max-lines --max-chars --delimiter --arg-file::appended
watch:-b -c -d -e -g -p -t -w --beep --color --errexit --chgexit --precise --no-title:-n --interval::joined
flock:-s -x -e -n -u -o --shared --exclusive --nonblock --close:-w -E --timeout --wait:1:
strace ltrace:-f -ff -v -t -c -q -y:-p -e -s::
taskset:-a -c::1:
chrt:-b -f -i -o -r:-p:1:
busybox toybox::::
unbuffer:-p:::
catchsegv::::
caffeinate:-d -i -m -s -u:-t -w::
ssh autossh:-4 -6 -A -a -C -f -G -g -K -k -n -N -q -T -t -tt -v -vv -X -x -Y -y:-B -b -c -D -E -e -I -i -J -L -l -m -O -o -p -Q -R -S -W -w:1:elevated joined
sshpass:-e -v:-p -f -d::elevated
winpty proxychains proxychains4 torsocks dotenv::::`

const wrapperOf = (flags: string, values: string, operands: string, kind: string): Wrapper => ({
  flags: new Set(flags.split(" ")),
  values: new Set(values.split(" ")),
  operands: Number(operands),
  kind
})

const wrappers: ReadonlyMap<string, Wrapper> = new Map(
  table
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [programs = "", flags = "", values = "", operands = "", kind = ""] = line.split(":")
      return programs.split(" ").map((program) => [program, wrapperOf(flags, values, operands, kind)] as const)
    })
)

const containers = wrapperOf(
  "-i -t -d --interactive --tty --detach --privileged",
  "-e -u -w --env --user --workdir --env-file",
  "1",
  "elevated"
)

const uncertain = "it is not certain which word is the command"

const unclear = (problem: string): Inside => ({ inner: [], problem })

/** The words after a wrapper's own. */
const wrapped = (wrapper: Wrapper, words: ReadonlyArray<Word>): Inside => {
  const start = options(wrapper, words)
  if (typeof start === "string") return unclear(start)
  let from = start
  for (; wrapper.kind.includes("assignments") && /^[A-Za-z_][A-Za-z0-9_]*=/.test(words[from]?.raw ?? ""); from += 1) {
    if (words[from]?.splits === true || words[from]?.glob === true) return unclear(uncertain)
  }
  // What an operand is does not matter, but an operand that splits may be the command.
  for (let count = 0; count < wrapper.operands; count += 1, from += 1) {
    const operand = words[from]
    if (operand !== undefined && (operand.splits || operand.glob)) return unclear(uncertain)
  }
  const elevated = wrapper.kind.includes("elevated")
  const rest = words.slice(from)
  const base = { transparent: !elevated, elevated }
  if (rest.length === 0) return { ...base, inner: [], transparent: false }
  if (wrapper.kind.includes("joined")) return { ...base, ...script(rest), elevated, transparent: !elevated }
  if (!wrapper.kind.includes("appended")) return { ...base, inner: [{ _tag: "Words", words: rest }] }
  const marks = words.slice(0, from).flatMap((word, index) => {
    const joined = /^-[0rtpxo]*I([\s\S]*)$/.exec(text(word) ?? "")?.[1]
    return joined === undefined ? [] : [joined === "" ? text(words[index + 1]) : joined]
  })
  if (marks.length > 1) return unclear("what it replaces is said twice")
  const [mark] = marks
  const given = mark === undefined ? [...rest, unknown("(what xargs reads)", true)] : filled(rest, mark, false)
  return { ...base, inner: [{ _tag: "Words", words: given }] }
}

/** Replaces words that contain a mark, since what takes its place is not known. */
const filled = (words: ReadonlyArray<Word>, mark: string, splits: boolean): ReadonlyArray<Word> =>
  words.map((word) => (word.text?.includes(mark) === true ? unknown(word.raw, splits) : word))

/** How many words are a wrapper's options, or why that cannot be told. */
const options = ({ flags, values }: Wrapper, words: ReadonlyArray<Word>): number | string => {
  let index = 0
  for (;;) {
    const word = words[index]
    if (word === undefined) return index
    const option = text(word)
    if (option === undefined) return word.splits || word.glob || !/^["']?[^-$"'`]/.test(word.raw) ? uncertain : index
    if (option === "--") return index + 1
    if (!option.startsWith("-") || (option === "-" && !flags.has("-"))) return index
    const name = option.startsWith("--") ? (option.split("=", 1)[0] ?? "") : option
    if (flags.has(name) || /^-[0-9]+$/.test(option)) index += 1
    else if (values.has(name) && (words[index + 1]?.splits === true || words[index + 1]?.glob === true)) {
      return uncertain
    } else if (values.has(name)) index += option.includes("=") && option.startsWith("--") ? 1 : 2
    else {
      const letters = option.startsWith("--") ? [] : [...option.slice(1)]
      const valued = letters.findIndex((letter) => values.has(`-${letter}`))
      const plain = valued < 0 ? letters : letters.slice(0, valued)
      if (letters.length === 0 || !plain.every((letter) => flags.has(`-${letter}`)))
        return `its option ${option} is not known`
      index += valued === letters.length - 1 ? 2 : 1
    }
  }
}

const script = (words: ReadonlyArray<Word>): Inside => {
  const texts = words.map((word) => text(word) ?? (word.glob && !word.splits ? word.text : undefined))
  return texts.includes(undefined)
    ? { inner: [], unseen: true }
    : { inner: [{ _tag: "Script", text: texts.join(" ") }], transparent: true }
}

/** A shell runs its `-c`, a file, or what it reads. */
const shell = (words: ReadonlyArray<Word>, documents: ReadonlyArray<Word>): Inside => {
  let index = 0
  let command = false
  for (; index < words.length; index += 1) {
    const option = text(words[index])
    if (option === undefined) return { inner: [], unseen: true }
    if (option === "--" || option === "-") {
      index += 1
      break
    }
    if (!/^[-+]/.test(option)) break
    if (option.startsWith("--")) {
      if (!/^--(?:login|norc|noprofile|posix|verbose|version|help|restricted)$/.test(option))
        return unclear(`its option ${option} is not known`)
    } else {
      command ||= option.startsWith("-") && option.includes("c")
      if (option.includes("s")) return read(documents)
      for (const value of words.slice(index + 1, index + 1 + option.replace(/[^oO]/g, "").length)) {
        if (text(value) === undefined) return { inner: [], unseen: true }
        index += 1
      }
    }
  }
  const first = words[index]
  if (command) return first === undefined ? unclear("-c has no script") : script([first])
  if (first === undefined || /^(?:\/dev\/(?:stdin|fd\/.*)|\/proc\/.*)$/.test(text(first) ?? "")) return read(documents)
  return { inner: [] }
}

const read = (documents: ReadonlyArray<Word>): Inside =>
  documents.length === 1 ? { ...script(documents), transparent: true } : { inner: [], unseen: true }

const operandOf =
  /^-(?:i?name|i?path|i?regex|i?wholename|i?lname|newer.*|type|size|[acm](?:time|min)|user|group|perm|maxdepth|mindepth)$/

const find = (words: ReadonlyArray<Word>): Inside => {
  const inner: Array<Inner> = []
  for (let index = 0; index < words.length; index += 1) {
    const word = text(words[index])
    if (word === undefined) {
      const value = words[index]
      const quoted = value?.splits === false && !value.glob && operandOf.test(text(words[index - 1]) ?? "")
      if (!quoted) return unclear("a word that is not known may be an action of find")
    } else if (/^-(?:exec|execdir|ok|okdir)$/.test(word)) {
      const start = index + 1
      while (
        index < words.length &&
        text(words[index]) !== ";" &&
        !(text(words[index]) === "+" && text(words[index - 1]) === "{}")
      ) {
        if (text(words[index]) === undefined) return unclear("a word that is not known may end what find runs")
        index += 1
      }
      inner.push({ _tag: "Words", words: filled(words.slice(start, index), "{}", text(words[index]) === "+") })
    }
  }
  return { inner }
}

const separated = (words: ReadonlyArray<Word>): Inside => {
  const index = words.findIndex((word) => text(word) === "--")
  return index < 0
    ? unclear("write -- before the command")
    : { inner: [{ _tag: "Words", words: words.slice(index + 1) }], elevated: true }
}

const sed = (words: ReadonlyArray<Word>): ReadonlyArray<Word> => {
  const first = words.find((word) => word.text?.startsWith("-") !== true)
  const scripts = first === undefined || plainSed.test(text(first) ?? "") ? [] : [first]
  return [
    ...scripts,
    ...words.filter((word) => flagged(["e", "f", "i", "--in-place", "--file", "--expression"], [word]) === "yes")
  ]
}

const plainSed =
  /^(?:[0-9$]*(?:,[0-9$]+)?[pdq=]|s([/|#,:])(?:(?!\1)[^\\\n]|\\[^\n])*\1(?:(?!\1)[^\\\n]|\\[^\n])*\1[gpiI0-9]*)$/

/** Programs: options that mean code: patterns of words that do. */
const codes: ReadonlyArray<readonly [programs: string, options: string, patterns: ReadonlyArray<string>]> = [
  ["python* pypy*", "c", []],
  ["node nodejs bun deno", "e p r --eval --print --require --import", ["eval"]],
  ["perl*", "e E x d M", []],
  ["ruby*", "e r", []],
  ["php*", "r B R E", []],
  ["lua* Rscript rscript osascript groovy scala* julia elixir erl ghc", "e --eval -eval", []],
  ["awk gawk mawk nawk", "f e l --file --source --load", ["*system*", "*|*", "*getline*", "*>*", "*@*"]],
  ["tar gtar bsdtar", "I F --to-command --checkpoint-action --use-compress-program --rsh-command --info-script", []],
  [
    "git",
    "--upload-pack --receive-pack --exec --ext-diff --textconv --config-env --exec-path --open-files-in-pager",
    ["-c*", "ext::*", "alias.*"]
  ],
  ["git", "", ["rebase", "bisect", "filter-branch", "config", "hook", "difftool", "mergetool", "submodule"]],
  ["rsync", "e --rsh --rsync-path", []],
  ["ssh scp sftp autossh", "F S", ["*Command*", "*command*", "*COMMAND*"]],
  ["man", "P H --pager --html", []],
  ["zip", "--unzip-command", ["-*T*"]],
  ["vi vim nvim view ex emacs nano pico less more most ed", "c S e --cmd --eval --load", ["+*", "!*"]],
  ["make gmake", "f --eval --file", ["SHELL=*", "*$(*"]],
  ["curl wget", "K --config --use-askpass", []],
  ["nmap", "--script", []],
  ["sqlite3", "", [".*", "*.shell*", "*.system*", "*load_extension*"]],
  ["psql mysql", "c e --command --execute", []],
  ["go", "--toolexec -toolexec -exec", ["generate", "run"]],
  ["cargo npm yarn pnpm", "--config", []],
  ["rg ripgrep", "--pre", []],
  ["fd fdfind", "x X --exec --exec-batch", []],
  ["nc ncat netcat", "e c --exec --sh-exec --lua-exec", []],
  ["socat", "", ["*EXEC*", "*exec*", "*SYSTEM*", "*system*", "*SHELL*", "*shell*"]],
  ["sort", "--compress-program", []],
  ["split", "--filter", []],
  ["pip pip3 uv", "", ["install", "run"]],
  ["npx bunx uvx pipx", "", ["*"]],
  ["openssl", "", ["*engine*", "*provider*"]],
  ["hash", "p", []],
  ["mapfile readarray", "C", []],
  ["crontab", "", ["*"]],
  ["source .", "", ["*"]]
]

const codesOf = byProgram(
  codes.map(
    ([programs, options, patterns]) => [programs, [options === "" ? [] : options.split(" "), patterns]] as const
  )
)
