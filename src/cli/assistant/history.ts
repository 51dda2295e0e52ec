/**
 * What was typed in conversations, across sessions and folders. Several processes share one file: each adds lines at its
 * end, and it is shortened without losing what another adds meanwhile.
 */
import {
  appendFileSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync
} from "node:fs"
import { basename, dirname, join } from "node:path"
import * as Schema from "effect/Schema"

/**
 * The history.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** What was typed, oldest first, each text once: where it was typed last. */
  readonly lines: () => ReadonlyArray<string>
  /** Adds what was typed. Blank lines are left out, and so is what nobody wants typed again: more than 64 Ki characters. */
  readonly add: (text: string) => void
}

/**
 * Opens it.
 *
 * **Details**
 *
 * - `file`: absent, it lasts as long as the process. Only its owner may read it. A file that cannot be read or written is no
 *   reason to stop: the history is then that of this process.
 * - `most`: how many texts are kept; 5,000.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (file: string | undefined, most = 5000): Service => {
  let records = file === undefined ? [] : opened(file, most)
  return {
    lines: () => records.map(({ text }) => text),
    add: (typed) => {
      const text = typed.trim()
      if (text === "" || text.length > longest) return
      // Two that are typed in the same millisecond keep their order, too.
      const record = { at: Math.max(Date.now(), (records.at(-1)?.at ?? 0) + 1), text }
      records = merged([...records, record]).slice(-most)
      if (file !== undefined) attempt(() => append(file, [record]))
    }
  }
}

/**
 * The file of a data folder.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fileOf = (dataFolder: string): string => join(dataFolder, "history.jsonl")

// internal

const Record = Schema.Struct({ at: Schema.Finite, text: Schema.String })
interface Record extends Schema.Schema.Type<typeof Record> {}

const decode = Schema.decodeUnknownOption(Schema.parseJson(Record))

const longest = 65_536

const attempt = <A>(act: () => A): A | undefined => {
  try {
    return act()
  } catch {
    return undefined
  }
}

const toLine = (record: Record): string => `${JSON.stringify(record)}\n`

/** Each text once, where it came last. */
const merged = (records: ReadonlyArray<Record>): ReadonlyArray<Record> => {
  const latest = new Map<string, Record>()
  for (const record of records) {
    latest.delete(record.text)
    latest.set(record.text, record)
  }
  return [...latest.values()]
}

const read = (file: string): ReadonlyArray<Record> =>
  (attempt(() => readFileSync(file, "utf8")) ?? "").split("\n").flatMap((line) => {
    const record = line === "" ? undefined : decode(line)
    return record?._tag === "Some" ? [record.value] : []
  })

/** Also what is being put aside by another process, or was by one that is gone. */
const opened = (file: string, most: number): ReadonlyArray<Record> => {
  const aside = asideOf(file)
  const all = [...aside, file].flatMap(read)
  const known = merged(all.sort((left, right) => left.at - right.at)).slice(-most)
  if (all.length > most * 2) attempt(() => shorten(file, known))
  return known
}

const asideOf = (file: string): ReadonlyArray<string> => {
  const begins = `${basename(file)}.`
  return (attempt(() => readdirSync(dirname(file))) ?? [])
    .filter((name) => name.startsWith(begins))
    .map((name) => join(dirname(file), name))
}

/**
 * Adds lines in one write. When the file was put aside meanwhile, whoever did that may have read it before, so that they are
 * added once more: doubles are left out by who reads.
 */
const append = (file: string, records: ReadonlyArray<Record>): void => {
  const lines = records.map(toLine).join("")
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  for (let times = 0; times < 5; times++) {
    const handle = openSync(file, "a", 0o600)
    try {
      appendFileSync(handle, lines)
      if (attempt(() => statSync(file).ino) === fstatSync(handle).ino) return
    } finally {
      closeSync(handle)
    }
  }
}

/** Puts the file aside, under a name of its own, before anything is read of it; what is kept goes to the end of a new one. */
const shorten = (file: string, known: ReadonlyArray<Record>): void => {
  const before = asideOf(file)
  const aside = `${file}.${process.pid}-${Date.now()}`
  renameSync(file, aside)
  const oldest = known[0]?.at ?? 0
  append(file, merged([...read(aside).filter(({ at }) => at >= oldest), ...known].sort((a, b) => a.at - b.at)))
  for (const name of [...before, aside]) rmSync(name, { force: true })
}
