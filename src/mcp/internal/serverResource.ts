/**
 * Where clients look for what a server tells of itself as a protected resource, and whether that can be right.
 */

/** What is looked at of a resource. */
export interface Resource {
  readonly url: string
  readonly authorizationServers: ReadonlyArray<string>
}

/** Below where the metadata of protected resources is. */
export const well = "/.well-known/oauth-protected-resource"

/** Where clients look for the metadata of a resource, on the machine that its URL names. */
export const placeOf = ({ url }: Pick<Resource, "url">): string => `${well}${new URL(url).pathname.replace(/\/$/, "")}`

/** What is wrong with what is said of a resource, if anything. */
export const problemOf = (resource: Resource | undefined): string | undefined => {
  if (resource === undefined) return undefined
  const { authorizationServers, url } = resource
  if (!isAddress(url)) return `McpServer option resource has the url ${JSON.stringify(url)}, which is no http address`
  const wrong = authorizationServers.find((issuer) => !isAddress(issuer))
  return wrong === undefined
    ? undefined
    : `McpServer option resource has the authorization server ${JSON.stringify(wrong)}, which is no http address`
}

// internal

const isAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
