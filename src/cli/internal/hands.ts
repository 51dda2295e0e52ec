/**
 * What an agent of the command line works with: which tools, and in which sandbox. Read from flags, and checked there.
 */

/** Which tools of the toolbox there are. */
export type Which = (typeof whichs)[number]

const whichs = ["all", "reading", "none"] as const

/** Where tools for files and commands work. */
export type Place =
  | { readonly kind: "local" }
  | { readonly kind: "bubblewrap" }
  | { readonly kind: "container"; readonly image: string }

/** What a container is of when nobody says. */
const usualImage = "debian:stable-slim"

export const flags = { sandbox: { type: "string" }, tools: { type: "string" } } as const

/** What is wrong with the values, if anything. */
export const problemOf = (values: {
  readonly sandbox?: string | undefined
  readonly tools?: string | undefined
}): string | undefined => {
  const { sandbox, tools } = values
  if (sandbox !== undefined && parsed(sandbox) === undefined) {
    return `--sandbox is local, bubblewrap, container or container:IMAGE, not "${sandbox}"`
  }
  return tools !== undefined && !whichs.some((which) => which === tools)
    ? `--tools is all, reading or none, not "${tools}"`
    : undefined
}

/** The sandbox of a value that has been checked; this machine unless said otherwise. */
export const placeOf = (value: string | undefined): Place => parsed(value ?? "local") ?? { kind: "local" }

/** The tools of a value that has been checked; those that read unless said otherwise. */
export const whichOf = (value: string | undefined): Which => whichs.find((which) => which === value) ?? "reading"

// internal

const parsed = (value: string): Place | undefined => {
  if (value === "local" || value === "bubblewrap") return { kind: value }
  if (value === "container") return { kind: value, image: usualImage }
  const image = /^container:(\S+)$/.exec(value)?.[1]
  return image === undefined ? undefined : { kind: "container", image }
}
