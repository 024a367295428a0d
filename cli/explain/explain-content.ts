import { FairleadError } from '#lib/errors';
import { formatReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { Connect } from '../options/connect.ts';

/**
 * Waits for a profile to be pulled. If the reference names something else, such as a container
 * image, the error states that first: a missing signature then matters little.
 */
export async function explainingContent<T>(pulling: Promise<T>, reference: Reference, connect: Connect): Promise<T> {
  try {
    return await pulling;
  } catch (error) {
    if (!(error instanceof FairleadError) || !['SignatureInvalid', 'ProfileInvalid'].includes(error.kind)) throw error;
    const found = await contentOf(reference, connect);
    if (found === undefined) throw error;
    const { kind, summary, details } = error;
    const said = `is ${found}, not a security profile`;
    // The refusal may state the same about the digest.
    const at = summary.indexOf(`${said}: `);
    const why = at < 0 ? summary : summary.slice(at + said.length + 2);
    throw new FairleadError(kind, `${formatReference(reference)} ${said}: ${why}`, {
      cause: error.cause,
      ...(details && { details }),
      hint: `Name the reference of a profile. To see what is there: \`fairlead inspect ${formatReference(reference)}\``,
    });
  }
}

/**
 * Describes what is there if it is not a profile. Errors are dropped: the refusal that is to be
 * explained tells more.
 */
async function contentOf(reference: Reference, connect: Connect): Promise<string | undefined> {
  const { fetchOtherContent } = await import('#lib/artifact/other-content');
  const target = connect(reference);
  try {
    return await fetchOtherContent(target, await target.resolve(tagOrDigestOf(reference)));
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}
