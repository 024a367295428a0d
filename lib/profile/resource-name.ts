/** The names that Kubernetes accepts for a custom resource, in words. */
export const resourceNameRule =
  'lower-case letters, digits, "-" and ".", each part beginning and ending with a letter or digit, at most 253 characters';

const part = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const subdomain = new RegExp(`^${part}(?:\\.${part})*$`);

/**
 * Reports whether a text can be the name of a custom resource in Kubernetes: a DNS subdomain (RFC
 * 1123).
 */
export function isResourceName(text: string): boolean {
  return text.length <= 253 && subdomain.test(text);
}
