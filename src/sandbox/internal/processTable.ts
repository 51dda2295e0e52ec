/**
 * The processes of this machine: from `/proc` where there is one, otherwise from `ps`. A process is known by its id together
 * with its start, since ids are given again.
 */
import { execFile } from "node:child_process"
import * as Fs from "node:fs"

/** A process at one moment. */
export interface Entry {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  /** When it was started, in a unit of the system's. */
  readonly started: number
  /** Not so when all that is left of it is its exit code. */
  readonly isRunning: boolean
  /** What it has in memory, shared or not. */
  readonly residentBytes: number
}

/** What a command and all that it starts carry, and nobody can put away by accident. */
export interface Mark {
  /** The hard limit of processor time in seconds and that of resident memory in KiB: of no effect, inherited, never raised. */
  readonly limit: number
  /** The value of a variable in the environment. */
  readonly word: string
}

export interface Table {
  /** Whether processes carry the limits of marks. */
  readonly hasLimits: boolean
  /** All processes at a moment that is not before the call. */
  readonly all: () => Promise<ReadonlyArray<Entry>>
  /** All processes, for when there is no time left to wait; none where that takes another process. */
  readonly now: () => ReadonlyArray<Entry>
  /** When a process that has just been started was, or 0 where that is not known. */
  readonly startOf: (pid: number) => number
  /** Whether the process of that id still is that one. */
  readonly isStill: (entry: Entry) => boolean
  /** Whether a process carries the mark. What carries it once always does, and so do its children. */
  readonly isMarked: (entry: Entry, mark: Mark) => boolean
  /** The processes started since that one which are there and may descend from it, if it is known without looking at all. */
  readonly since: (pid: number) => ReadonlyArray<Entry> | undefined
  /** The id that was given last, or NaN where that is not known. */
  readonly last: () => number
  /** The memory of a process, shared memory divided among those who share it. */
  readonly proportionalBytes: (entry: Entry) => number
}

/** The variable in which commands carry a mark, and those of a command within a command all of theirs. */
export const variable = "AXONAL_COMMAND"

/** The table of this machine. */
export const make = (): Table => (Fs.existsSync("/proc/self/limits") ? fromProc() : fromPs())

/** A table that reads `/proc`. */
export const fromProc = (): Table => {
  const marks = new Map<number, Marks>()
  // Who takes in those that have lost their parent is one of these.
  const adopters = new Set([0, 1, ...lineOf(process.pid)])
  return {
    hasLimits: isFree(),
    all: shared(async () => {
      const entries = await readAll()
      const there = new Set(entries.map(({ pid }) => pid))
      for (const pid of marks.keys()) if (!there.has(pid)) marks.delete(pid)
      return entries
    }),
    now: () => pids().flatMap((pid) => readOne(pid) ?? []),
    startOf: (pid) => readOne(pid)?.started ?? 0,
    isStill: (entry) => readOne(entry.pid)?.started === entry.started,
    isMarked: (entry, mark) => {
      let found = marks.get(entry.pid)
      if (found?.started !== entry.started) {
        found = readMarks(entry)
        marks.set(entry.pid, found)
      }
      return found.limits.includes(mark.limit) || found.words.includes(mark.word)
    },
    since: (first) => {
      const last = lastPid()
      if (last < first || last - first > mostProbed) return undefined
      const entries: Array<Entry> = []
      for (let pid = first + 1; pid <= last; pid++) {
        const entry = Fs.existsSync(`/proc/${pid}`) ? readOne(pid) : undefined
        if (entry !== undefined && (entry.parent >= first || adopters.has(entry.parent))) entries.push(entry)
      }
      return entries
    },
    last: lastPid,
    proportionalBytes: (entry) => {
      const found = /^Pss:\s+(\d+) kB$/m.exec(text(`/proc/${entry.pid}/smaps_rollup`) ?? "")
      return found === null ? entry.residentBytes : Number(found[1]) * 1024
    }
  }
}

/** A table that asks `ps`, which knows neither limits nor, for good, environments. */
export const fromPs = (): Table => ({
  hasLimits: false,
  all: shared(async () => parsed(await ps(["-A"]))),
  now: () => [],
  startOf: () => 0,
  // Asking again would take longer than what is between `all` and the signal.
  isStill: () => true,
  isMarked: () => false,
  since: () => undefined,
  last: () => Number.NaN,
  proportionalBytes: (entry) => entry.residentBytes
})

// internal

/** More processes than that are not looked at one by one. */
const mostProbed = 64
const mostRestMillis = 50
const pageBytes = 4096
const buffer = Buffer.alloc(128 * 1024)

/** A small file of the system's, or undefined if it is gone. */
const text = (path: string): string | undefined => {
  let file: number | undefined
  try {
    file = Fs.openSync(path, "r")
    return buffer.toString("latin1", 0, Fs.readSync(file, buffer, 0, buffer.length, 0))
  } catch {
    return undefined
  } finally {
    if (file !== undefined) Fs.closeSync(file)
  }
}

/** What a process carries. It got that from its parent, and all of it before it could be looked at. */
interface Marks {
  readonly started: number
  readonly limits: ReadonlyArray<number>
  readonly words: ReadonlyArray<string>
}

const readMarks = ({ pid, started }: Entry): Marks => {
  const [time, resident] = readLimits(pid)
  const words = new RegExp(`(?:^|\0)${variable}=([^\0]*)`).exec(text(`/proc/${pid}/environ`) ?? "")?.[1]
  return { started, limits: [Number(time), Number(resident) / 1024], words: words?.split(" ") ?? [] }
}

const limitPatterns = ["cpu time", "resident set"].map((name) => new RegExp(`^Max ${name}\\s+\\S+\\s+(\\S+)`, "m"))

const readLimits = (pid: number | "self"): ReadonlyArray<string | undefined> => {
  const limits = text(`/proc/${pid}/limits`) ?? ""
  return limitPatterns.map((pattern) => pattern.exec(limits)?.[1])
}

/** Commands of a command keep the limits of the outer one, by which it is known. */
const isFree = (): boolean => readLimits("self").every((limit) => limit === "unlimited")

const lastPid = (): number => Number(text("/proc/loadavg")?.trimEnd().split(" ").at(-1) ?? 0)

const readOne = (pid: number): Entry | undefined => {
  const line = text(`/proc/${pid}/stat`)
  if (line === undefined) return undefined
  // The name comes second, in parentheses, and may have parentheses and spaces in it.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ")
  const number = (at: number): number => Number(fields[at - 3])
  return {
    pid,
    parent: number(4),
    group: number(5),
    session: number(6),
    // One whose first thread has ended looks as if all had.
    isRunning: !/[ZX]/.test(fields[0] ?? "") || number(20) > 1,
    started: number(22),
    residentBytes: number(24) * pageBytes
  }
}

/** A process and those it descends from. */
const lineOf = (pid: number): ReadonlyArray<number> => {
  const parent = readOne(pid)?.parent ?? 0
  return parent === 0 ? [pid] : [pid, ...lineOf(parent)]
}

const pids = (): ReadonlyArray<number> => Fs.readdirSync("/proc").map(Number).filter(Number.isInteger)

const readAll = async (): Promise<ReadonlyArray<Entry>> => {
  const entries: Array<Entry> = []
  let read = 0
  for (const pid of pids()) {
    const entry = readOne(pid)
    if (entry !== undefined) entries.push(entry)
    // A machine with very many processes does not keep everything else waiting.
    if (++read % 256 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return entries
}

const ps = (which: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve) => {
    const columns = "pid=,ppid=,pgid=,sess=,stat=,rss=,lstart="
    execFile("ps", [...which, "-o", columns], { env: { LC_ALL: "C" }, maxBuffer: 64 * 1024 * 1024 }, (_, stdout) =>
      resolve(stdout)
    )
  })

const parsed = (table: string): ReadonlyArray<Entry> =>
  table.split("\n").flatMap((line) => {
    const found = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\d+)\s+(.+?)\s*$/.exec(line)
    if (found === null) return []
    const [, pid, parent, group, session, state, kibibytes, started] = found
    return [
      {
        pid: Number(pid),
        parent: Number(parent),
        group: Number(group),
        session: Number(session) || Number(group),
        isRunning: !(state ?? "").startsWith("Z"),
        started: Date.parse(started ?? ""),
        residentBytes: Number(kibibytes) * 1024
      }
    ]
  })

/**
 * Lets those who ask while one reading goes on wait for the same next one, and reads no longer than it rests: many commands
 * that end one after another do not have everything read for each of them.
 */
const shared = (read: () => Promise<ReadonlyArray<Entry>>): (() => Promise<ReadonlyArray<Entry>>) => {
  let reading: Promise<unknown> = Promise.resolve()
  let next: Promise<ReadonlyArray<Entry>> | undefined
  let restUntil = 0
  const begin = async (): Promise<ReadonlyArray<Entry>> => {
    const rest = Math.min(restUntil - performance.now(), mostRestMillis)
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest))
    // Who asks from here on may have seen something happen that this reading misses.
    next = undefined
    const from = performance.now()
    const entries = await read()
    restUntil = performance.now() * 2 - from
    return entries
  }
  return () => {
    if (next === undefined) {
      next = reading.then(begin, begin)
      reading = next
    }
    return next
  }
}
