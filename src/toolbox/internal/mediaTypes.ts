/** Which files are shown to the model as they are: pictures, sound, video and PDF, by their bytes first, then by their names. */
import * as Part from "../../domain/Part.ts"

/** The media type of a file that begins so, or nothing when it is shown as text or bytes. */
export const mediaOf = (name: string, head: Uint8Array, isText: boolean): string | undefined => {
  const byBytes = Part.mediaTypeOf(head)
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ""
  // Texts may begin with the letters that some formats begin with; of these only a PDF may be all text.
  if (isText) return byBytes === "application/pdf" && extension === "pdf" ? byBytes : undefined
  return byBytes ?? (head.length > 0 && Object.hasOwn(unsigned, extension) ? unsigned[extension] : undefined)
}

/** Formats that may begin with anything. What ought to begin with its signature and does not is broken. */
const unsigned: Readonly<Record<string, string>> = {
  mp3: "audio/mpeg",
  aac: "audio/aac",
  mpg: "video/mpeg",
  mpeg: "video/mpeg"
}
