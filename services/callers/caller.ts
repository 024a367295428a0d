/** The claims of a token: text, or several of it. Numbers and booleans are written as text. */
export type Claims = Readonly<Record<string, string | readonly string[]>>;

/** The caller of a service: anonymous, the holder of its token, or an identity of an issuer. */
export type Caller =
  | { readonly method: 'anonymous' }
  | { readonly method: 'token' }
  | { readonly method: 'oidc'; readonly issuer: string; readonly subject: string; readonly claims: Claims };

/** A caller that has not proved who it is. */
export const anonymous: Caller = { method: 'anonymous' };

/** Returns the name of a caller in messages. */
export function describeCaller(caller: Caller): string {
  if (caller.method === 'anonymous') return 'an anonymous caller';
  if (caller.method === 'token') return "the holder of the service's token";
  return `${JSON.stringify(caller.subject)} of ${caller.issuer}`;
}

/** Returns a text that two callers share only if they are the same, such as for rate limits. */
export function identityOf(caller: Caller): string {
  return caller.method === 'oidc' ? JSON.stringify([caller.issuer, caller.subject]) : caller.method;
}
