/**
 * Finds the skills below folders, in their order of precedence, and remembers what it has read. Looking again costs a look
 * at each folder and at each `SKILL.md`; only what changed is read, and only what reads differently is parsed.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SynchronizedRef from "effect/SynchronizedRef"
import type { System } from "./files.ts"
import * as Files from "./files.ts"
import type { Finding, Parsed } from "./frontMatter.ts"
import { parse } from "./frontMatter.ts"
import type { Catalog, Problem, Skill } from "./model.ts"
import { largestSkill, mostSkills } from "./model.ts"
import { lineOf } from "./words.ts"

/** A folder that has skills in it, and whose skills those are. */
export interface Location {
  readonly scope: Skill["scope"]
  readonly folder: string
}

/** What there is now. The same object is answered as long as nothing changes. */
export interface Found {
  readonly catalog: Catalog
  /** The instructions of each skill, by its name. */
  readonly bodies: ReadonlyMap<string, string>
}

/** Makes the look at what there is. Looks at the same time wait for each other, and none fails. */
export const make = (system: System, locations: ReadonlyArray<Location>): Effect.Effect<Effect.Effect<Found>> =>
  Effect.map(SynchronizedRef.make(nothing), (state) =>
    SynchronizedRef.modifyEffect(state, (before) => look(system, locations, before))
  )

// internal

/** A file system tells times in milliseconds or worse: what was written this long ago will not be written in the same one. */
const settlesMillis = 2000

/** A skill's folder as it was last seen. */
interface Known {
  readonly stamp: string
  /** Whether the same stamp means the same contents. */
  readonly isSettled: boolean
  readonly text: string | undefined
  readonly parsed: Parsed
  readonly skill: Skill | undefined
  readonly findings: ReadonlyArray<Finding>
}

/** What the last look found. */
interface State {
  /** By their `SKILL.md`. */
  readonly places: ReadonlyMap<string, Candidate & { _tag: "Place" }>
  readonly known: ReadonlyMap<string, Known>
  readonly told: ReadonlySet<string>
  readonly found: Found
}

const nothing: State = {
  places: new Map(),
  known: new Map(),
  told: new Set(),
  found: { catalog: { skills: [], problems: [] }, bodies: new Map() }
}

interface Place {
  readonly scope: Skill["scope"]
  readonly name: string
  /** As it was found, and without links. */
  readonly folder: string
  readonly real: string
  readonly file: string
}

type Candidate =
  | { readonly _tag: "Place"; readonly place: Place; readonly stamp: FileSystem.File.Info }
  | { readonly _tag: "Problem"; readonly problem: Problem; readonly holdsName: boolean }

const look = (
  system: System,
  locations: ReadonlyArray<Location>,
  before: State
): Effect.Effect<readonly [Found, State]> =>
  Effect.gen(function* () {
    const candidates = (yield* Effect.forEach(locations, (location) => candidatesIn(system, location, before))).flat()
    const { problems, winners } = chosen(candidates)
    const seen = yield* Effect.forEach(
      winners,
      ({ place, stamp }) =>
        Effect.map(examined(system, place, stamp, before.known.get(place.file)), (known) => ({ known, place })),
      { concurrency: 8 }
    )
    const skills = seen.flatMap(({ known: { skill } }) => (skill === undefined ? [] : [skill]))
    const findings = seen.flatMap(({ known, place: { file, name } }) =>
      known.findings.map((finding): Problem => ({ ...finding, skill: name, file }))
    )
    const found = kept(before.found, {
      catalog: {
        skills: skills.sort((one, other) => (one.name < other.name ? -1 : 1)),
        problems: [...problems, ...findings]
      },
      bodies: new Map(seen.map(({ known, place: { name } }) => [name, known.parsed.body]))
    })
    const told = yield* tell(before.told, found.catalog.problems)
    const places = new Map(candidates.flatMap((one) => (one._tag === "Place" ? [[one.place.file, one] as const] : [])))
    const known = new Map(seen.map(({ known, place: { file } }) => [file, known]))
    return [found, { places, known, told, found }] as const
  })

/** What may be a skill below a folder, in the order of names. A folder that does not exist has none. */
const candidatesIn = (
  system: System,
  { folder, scope }: Location,
  before: State
): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.matchEffect(system.files.readDirectory(folder), {
    onFailure: (error) =>
      Effect.succeed(Files.isAbsent(error) ? [] : [about(undefined, folder, "invalid", Files.unreadable(error))]),
    onSuccess: (entries) => {
      const names = Files.plain(entries)
      const rest = names.length - mostSkills
      return Effect.map(
        Effect.forEach(names.slice(0, mostSkills), (name) => candidate(system, scope, folder, name, before), {
          concurrency: 8
        }),
        (found) => [
          ...found.flat(),
          ...(rest > 0
            ? [about(undefined, folder, "invalid", `it has ${names.length} entries: only ${mostSkills} are looked at`)]
            : [])
        ]
      )
    }
  })

const candidate = (
  system: System,
  scope: Skill["scope"],
  parent: string,
  name: string,
  before: State
): Effect.Effect<ReadonlyArray<Candidate>> => {
  const folder = system.path.join(parent, name)
  const file = system.path.join(folder, "SKILL.md")
  const place = Effect.gen(function* () {
    const stamp = yield* system.files.stat(file)
    const known = before.places.get(file)
    // The same file is where it was. Finding out where that is costs more than all the rest.
    const isSame = known !== undefined && stampOf(known.stamp) === stampOf(stamp)
    const real = isSame ? known.place.real : yield* system.files.realPath(folder)
    return [{ _tag: "Place", place: { scope, name, folder, real, file }, stamp } as const]
  })
  return Effect.catchAll(place, (error) =>
    Effect.match(system.files.stat(folder), {
      onFailure: (outer) => {
        const problem = Files.isAbsent(outer) ? "it is a link to what is not there" : Files.unreadable(outer)
        return [about(name, folder, "invalid", problem, true)]
      },
      // Files beside the skills are none of ours.
      onSuccess: ({ type }): ReadonlyArray<Candidate> =>
        type !== "Directory"
          ? []
          : Files.isAbsent(error)
            ? [about(name, folder, "warning", "it has no SKILL.md, and is passed over")]
            : [about(name, file, "invalid", Files.unreadable(error), true)]
    })
  )
}

const about = (
  skill: string | undefined,
  file: string,
  kind: "invalid" | "warning",
  problem: string,
  holdsName = false
): Candidate => ({ _tag: "Problem", problem: { kind, skill, file, line: undefined, problem }, holdsName })

/**
 * The first of each name. Another way to the same folder is no second skill. What cannot be used keeps its name all the
 * same, so that one from elsewhere never stands in for it unasked.
 */
const chosen = (
  candidates: ReadonlyArray<Candidate>
): { readonly winners: ReadonlyArray<Candidate & { _tag: "Place" }>; readonly problems: ReadonlyArray<Problem> } => {
  const first = new Map<string, { readonly file: string; readonly real: string | undefined }>()
  const winners: Array<Candidate & { _tag: "Place" }> = []
  const problems: Array<Problem> = []
  for (const candidate of candidates) {
    const isPlace = candidate._tag === "Place"
    const { name, file } = isPlace
      ? candidate.place
      : { name: candidate.holdsName ? candidate.problem.skill : undefined, file: candidate.problem.file }
    const real = isPlace ? candidate.place.real : undefined
    const before = name === undefined ? undefined : first.get(name)
    if (before !== undefined && name !== undefined) {
      if (before.real === undefined || before.real !== real) {
        const problem = `it is hidden by ${before.file}`
        problems.push({ kind: "shadowed", skill: name, file, line: undefined, problem })
      }
      continue
    }
    if (name !== undefined) first.set(name, { file, real })
    if (isPlace) winners.push(candidate)
    else problems.push(candidate.problem)
  }
  return { winners, problems }
}

/** A skill as it is now: what was known of it, if that is still so. */
const examined = (
  system: System,
  place: Place,
  info: FileSystem.File.Info,
  known: Known | undefined
): Effect.Effect<Known> =>
  Effect.gen(function* () {
    const below = yield* Effect.option(system.files.stat(system.path.join(place.real, "scripts")))
    const stamp = [place.real, stampOf(info), ...Option.toArray(Option.map(below, stampOf))].join("\n")
    if (known?.stamp === stamp && known.isSettled) return known
    const now = yield* Clock.currentTimeMillis
    const isSettled = [info, ...Option.toArray(below)].every(
      ({ mtime }) => Option.isSome(mtime) && now - mtime.value.getTime() > settlesMillis
    )
    const read = yield* Effect.either(contents(system, place, info))
    const text = read._tag === "Right" ? read.right : undefined
    const parsed = yield* Effect.sync((): Parsed => {
      if (read._tag === "Left") {
        return { matter: undefined, body: "", findings: [{ kind: "invalid", line: undefined, problem: read.left }] }
      }
      return known !== undefined && known.text === text ? known.parsed : parse(read.right, place.name)
    })
    const made = yield* skillOf(system, place, parsed)
    const same = known !== undefined && isSame(known, made)
    return { stamp, isSettled, text, parsed, ...(same ? { skill: known.skill, findings: known.findings } : made) }
  })

const contents = (system: System, place: Place, { type }: FileSystem.File.Info): Effect.Effect<string, string> =>
  Effect.gen(function* () {
    if (type !== "File") return yield* Effect.fail("it is no file")
    const file = yield* Effect.mapError(system.files.realPath(place.file), Files.unreadable)
    if (!Files.isInside(system, place.real, file)) return yield* Effect.fail("it leads out of its folder")
    return yield* Files.textOf(system, file, largestSkill)
  })

const skillOf = (
  system: System,
  place: Place,
  { findings, matter }: Parsed
): Effect.Effect<Pick<Known, "skill" | "findings">> =>
  matter === undefined
    ? Effect.succeed({ skill: undefined, findings })
    : Effect.map(Files.scripts(system, place.name, place.real), ({ problems, scripts }) => ({
        skill: { ...matter, scope: place.scope, folder: place.real, file: place.file, scripts },
        findings: [...findings, ...problems.map((problem): Finding => ({ kind: "warning", line: undefined, problem }))]
      }))

const isSame = (one: Pick<Known, "skill" | "findings">, other: Pick<Known, "skill" | "findings">): boolean =>
  JSON.stringify([one.skill, one.findings]) === JSON.stringify([other.skill, other.findings])

const stampOf = ({ dev, ino, mtime, size }: FileSystem.File.Info): string =>
  [dev, Option.getOrUndefined(ino), Option.getOrUndefined(mtime)?.getTime(), size].join(" ")

/** What was answered before, if it says the same. */
const kept = (before: Found, now: Found): Found => {
  const isSame =
    JSON.stringify(before.catalog.problems) === JSON.stringify(now.catalog.problems) &&
    before.catalog.skills.length === now.catalog.skills.length &&
    before.catalog.skills.every(
      (skill, index) =>
        skill === now.catalog.skills[index] && before.bodies.get(skill.name) === now.bodies.get(skill.name)
    )
  return isSame ? before : now
}

/** Warns of each problem once, and again when it comes back. */
const tell = (told: ReadonlySet<string>, problems: ReadonlyArray<Problem>): Effect.Effect<ReadonlySet<string>> => {
  const lines = new Set(problems.map(lineOf))
  const unknown = [...lines].filter((line) => !told.has(line))
  return Effect.as(
    Effect.forEach(unknown, (line) => Effect.logWarning(line), { discard: true }),
    lines
  )
}
