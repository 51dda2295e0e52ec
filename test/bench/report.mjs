/**
 * Results as tables for people. Every ratio is the median of the ratios of single rounds, in which both contenders ran
 * one after the other; so a machine that is slow for a while is slow for both.
 */
import {
  aborts,
  composition,
  control,
  growth,
  hands,
  scenarios,
  starts,
  stores,
  terminal,
  vendorScenarios
} from "./scenarios.mjs"

const median = (values) => {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const number = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : "–")

const table = (head, rows) => {
  const lines = [head, ...rows].map((row) => row.map(String))
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  const text = ([first, ...rest]) =>
    `| ${[first.padEnd(widths[0]), ...rest.map((cell, index) => cell.padStart(widths[index + 1]))].join(" | ")} |`
  const rule = `|${widths.map((width, index) => "-".repeat(width + 1) + (index === 0 ? "-" : ":")).join("|")}|`
  const [first, ...others] = lines
  return [text(first), rule, ...others.map(text)].join("\n")
}

const verdict = (value, must, aim) => {
  if (must === undefined || !Number.isFinite(value)) return ""
  return value <= (aim ?? 0) ? "aim" : value <= must ? "must" : "OVER"
}

/** Reads the results of one benchmark. */
const reader = (results) => {
  const of = (id, contender) => results.filter((result) => result.id === id && result.contender === contender)
  const value = (id, contender, key) => median(of(id, contender).map((result) => result[key]))
  const ratio = (id, key) =>
    median(
      of(id, "axonal").map((result) => {
        const base = of(id, "raw").find((other) => other.round === result.round)
        return result[key] / base?.[key]
      })
    )
  const has = (id) => of(id, "axonal").length > 0
  const texts = (id, contender, key) => [...new Set(of(id, contender).map((result) => result[key]))].join("; ")
  return { value, ratio, has, texts }
}

const costs = ({ has, ratio }) => {
  const rows = Object.entries({ ...scenarios, ...vendorScenarios })
    .filter(([id]) => has(id))
    .flatMap(([id, { aim, memory, must, title }]) => {
      const cpu = ratio(id, "cpuMillis")
      const wall = ratio(id, "wallMillis")
      const row = [`${id} ${title}`, number(cpu), number(wall), must ?? "", aim ?? "", verdict(cpu, must, aim)]
      if (memory === undefined) return [row]
      const peak = ratio(id, "peakMegabytes")
      return [row, [`${id} peak memory`, number(peak), "", ...memory, verdict(peak, ...memory)]]
    })
  return rows.length === 0 ? [] : ["Costs, times raw", table(["", "CPU", "wall", "must", "aim", ""], rows)]
}

const startUp = ({ has, ratio, value }) => {
  const rows = []
  if (has("S5")) {
    const { aim, must, title } = starts.S5
    const first = ratio("S5", "firstDeltaMillis")
    const memory = number(ratio("S5", "peakMegabytes"))
    rows.push([`S5 ${title}`, `${number(first)} × raw`, must, aim, verdict(first, must, aim)])
    rows.push(["S5 memory by then", `${memory} × raw`, "", "", ""])
  }
  if (has("S5c")) {
    const { aimMillis, title } = starts.S5c
    const first = value("S5c", "axonal", "firstMillis")
    const reached = first <= aimMillis ? "aim" : ""
    rows.push([`S5c ${title}`, `${number(first, 0)} ms`, "", `${aimMillis} ms`, reached])
  }
  return rows.length === 0 ? [] : ["Starts", table(["", "", "must", "aim", ""], rows)]
}

const cancellation = ({ has, texts, value }) => {
  const head = [
    "",
    "settles",
    "raw",
    "the first",
    "must",
    "",
    "server sees it",
    "later requests",
    "later deltas",
    "history"
  ]
  const rows = Object.entries(aborts)
    .filter(([id]) => has(id))
    .map(([id, { mustMillis, title }]) => {
      const of = (key, contender = "axonal") => value(id, contender, key)
      const settles = of("settleMillis")
      return [
        `${id} ${title}`,
        `${number(settles, 1)} ms`,
        `${number(of("settleMillis", "raw"), 1)} ms`,
        `${number(of("firstSettleMillis"), 1)} ms`,
        `${mustMillis} ms`,
        verdict(settles, mustMillis),
        id === "S7a" ? `${number(of("hangUpMillis"), 1)} ms` : "",
        number(of("lateRequests"), 0),
        number(of("lateDeltas"), 0),
        texts(id, "axonal", "history")
      ]
    })
  return rows.length === 0 ? [] : ["Aborts", table(head, rows)]
}

/** Costs of one unit, relative to the first size, and to the raw loop at the same size. */
const growing = ({ has, ratio, value }) => {
  const unitCost = (contender, point) => value(point.id, contender, "cpuMillis") / point.units
  const rows = Object.values(growth).flatMap(({ points, title }) =>
    points
      .filter((point) => has(point.id))
      .map((point) => {
        const grown = (contender) => number(unitCost(contender, point) / unitCost(contender, points[0]))
        const peak = point.runs === undefined ? "" : number(value(point.id, "axonal", "peakMegabytes"), 0)
        const rawPeak = point.runs === undefined ? "" : number(value(point.id, "raw", "peakMegabytes"), 0)
        return [
          `${title}, ${point.at}`,
          grown("axonal"),
          grown("raw"),
          number(ratio(point.id, "cpuMillis")),
          peak,
          rawPeak
        ]
      })
  )
  const head = ["CPU of", "times the first size", "raw's", "times raw", "peak MB", "raw's"]
  return rows.length === 0 ? [] : ["Growth", table(head, rows)]
}

/** A figure each, or what one costs at growing sizes and how it grew. */
const figures = (name, kinds, results) => {
  const rows = Object.entries(kinds).flatMap(([id, { must, title, unit }]) => {
    const { value, values } = results.find((result) => result.id === id) ?? {}
    if (value !== undefined)
      return [
        [title, `${number(value)} ${unit}`, "", must === undefined ? "" : `${must} ${unit}`, verdict(value, must)]
      ]
    return (values ?? []).map(([size, cost]) => {
      const grown = cost / values[0][1]
      return [`${title}, ${size}`, `${number(cost)} ${unit}`, `× ${number(grown)}`, `× ${must}`, verdict(grown, must)]
    })
  })
  return rows.length === 0 ? [] : [name, table(["", "", "times the first", "must", ""], rows)]
}

const failures = (results) => {
  const lines = results
    .filter(({ error }) => error !== undefined)
    .map(({ contender, error, id }) => `${contender} ${id}: ${error}`)
  return lines.length === 0 ? [] : ["Failures", [...new Set(lines)].join("\n")]
}

/** The whole report. */
export const render = ({ cores, isQuick, node, results, rounds, view }) => {
  const read = reader(results)
  const sections = [
    costs(read),
    startUp(read),
    cancellation(read),
    growing(read),
    figures("Sessions", stores, results),
    figures("Control", control, results),
    figures("Composition", composition, results),
    figures("Hands", hands, results),
    figures("Terminal", terminal, results),
    failures(results)
  ].flat()
  const kind = isQuick ? "quick: single short rounds, good for an impression only" : `medians of ${rounds} rounds`
  const watched = view === "run" ? "Agent.run with onEvents" : "Agent.stream"
  return [`Node ${node}, ${cores} cores; ${kind}; events by ${watched}.`, ...sections].join("\n\n")
}
