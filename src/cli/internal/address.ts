/**
 * What the command line has to know about web addresses.
 */

/** Whether a text is an http or https address. */
export const isHttp = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

/** An address as it may be printed: without a user, a password or a query. */
export const withoutSecrets = (address: string): string => {
  if (!URL.canParse(address)) return address
  const url = new URL(address)
  url.username = ""
  url.password = ""
  url.search = ""
  return url.href.replace(/\/+$/, "")
}
