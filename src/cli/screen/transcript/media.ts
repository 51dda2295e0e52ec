/**
 * Files that came out of a run: pictures are drawn where the terminal can, everything else is kept in a folder and named with
 * a link.
 */
import { pathToFileURL } from "node:url"
import {
  allocateImageId,
  encodeITerm2,
  encodeKitty,
  getCellDimensions,
  getImageDimensions
} from "@earendil-works/pi-tui"
import type { File } from "../../../domain/Part.ts"
import type { Theme } from "../theme.ts"
import type { Output } from "./block.ts"
import type { Setting } from "./card.ts"
import { address, decoded, fitted, flat } from "./text.ts"

/**
 * Makes a block of a file: one that is drawn keeps its content, any other is kept by `save`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outputOf = (file: File, theme: Theme, save: ((file: File) => string | undefined) | undefined): Output => {
  if (sizeOf(file, theme) !== undefined) return { _tag: "Output", file, image: allocateImageId() }
  return { _tag: "Output", file: kept(file, save), image: 0 }
}

/**
 * The file without its content, which is where `save` put it.
 *
 * @category converters
 * @since 0.1.0
 */
export const kept = (file: File, save: ((file: File) => string | undefined) | undefined): File => {
  if ("url" in file.data) return file
  const path = save?.(file)
  const name = nameOf(file)
  return {
    type: "file",
    mediaType: file.mediaType,
    name,
    data: path === undefined ? { text: "" } : { url: pathToFileURL(path).href }
  }
}

/**
 * A file in words: its name or kind, and its size where it is known.
 *
 * @category converters
 * @since 0.1.0
 */
export const nameOf = ({ data, mediaType, name }: File): string => {
  const size = "text" in data ? data.text.length : "base64" in data ? Math.floor((data.base64.length * 3) / 4) : 0
  const many =
    size === 0
      ? ""
      : size < 1024
        ? ` ${size} B`
        : size < 1024 * 1024
          ? ` ${Math.round(size / 1024)} kB`
          : ` ${(size / 1024 / 1024).toFixed(1)} MB`
  return `[${flat(name ?? "") || flat(mediaType)}${many}]`.replace(/^\[\[(.*)\]\]$/, "[$1]")
}

/**
 * A file in words that open it, or with where it is.
 *
 * @category converters
 * @since 0.1.0
 */
export const named = (file: File, theme: Theme): string => {
  const words = nameOf(file)
  const url = "url" in file.data ? address(file.data.url) : ""
  if (url === "") return theme.accent(words)
  if (theme.hasLinks) return theme.link(theme.underline(theme.accent(words)), url)
  return `${theme.accent(words)} ${theme.dim(url.startsWith("file://") ? plainPath(url) : url)}`
}

/**
 * Draws a file. A picture has its first line and empty ones below; `isPicture` tells those.
 *
 * @category converters
 * @since 0.1.0
 */
export const draw = ({ file, image }: Output, { look: { theme } }: Setting, width: number): ReadonlyArray<string> => {
  const size = image === 0 ? undefined : sizeOf(file, theme)
  if (size === undefined || !("base64" in file.data)) return [fitted(named(file, theme), width)]
  const cell = getCellDimensions()
  const scale = Math.min(1, ((width - 2) * cell.widthPx) / size.widthPx, (mostRows * cell.heightPx) / size.heightPx)
  const columns = Math.max(1, Math.ceil((size.widthPx * scale) / cell.widthPx))
  const rows = Math.max(1, Math.ceil((size.heightPx * scale) / cell.heightPx))
  const empty = Array.from({ length: rows - 1 }, () => "")
  if (theme.pictures === "kitty") {
    return [encodeKitty(file.data.base64, { columns, rows, imageId: image, moveCursor: false }), ...empty]
  }
  const up = rows > 1 ? `\u001b[${rows - 1}A` : ""
  return [...empty, `${up}${encodeITerm2(file.data.base64, { width: columns, height: rows })}`]
}

/**
 * What stands for a picture that is not in the window as a whole.
 *
 * @category converters
 * @since 0.1.0
 */
export const instead = ({ file }: Output, theme: Theme, width: number): string =>
  fitted(theme.dim(`${nameOf(file)} (scroll to see all of it)`), width)

/**
 * Whether a line draws a picture.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPicture = (line: string): boolean => line.startsWith("\u001b_G") || line.includes("\u001b]1337;File=")

// internal

const mostRows = 20

/** More than this is not sent to the terminal each time it scrolls. */
const mostDrawn = 1024 * 1024

/** The size of a picture that can be drawn. */
const sizeOf = ({ data, mediaType }: File, { pictures }: Theme) => {
  const isDrawn =
    pictures === "iterm2" ? /^image\/(?:png|jpeg|gif|webp)$/ : pictures === "kitty" ? /^image\/png$/ : /^$/
  // What is no base64 would end the drawing, and could be anything.
  if (!isDrawn.test(mediaType) || !("base64" in data) || data.base64.length > mostDrawn) return undefined
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(data.base64)) return undefined
  const size = getImageDimensions(data.base64.slice(0, 65_536), mediaType)
  return size === null || size.widthPx < 1 || size.heightPx < 1 ? undefined : size
}

const plainPath = (url: string): string => flat(decoded(url).slice("file://".length))
