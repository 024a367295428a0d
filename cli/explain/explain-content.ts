import { FairleadError } from '#lib/errors';
import { formatReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { Connect } from '../options/connect.ts';

/**
 * Waits for a profile to be pulled. If the reference names something else, such as a container
 * image, the error says so first: that the artifact is unsigned then matters little.
 */
export async function explainingContent<T>(pulling: Promise<T>, reference: Reference, connect: Connect): Promise<T> {
  try {
    return await pulling;
  } catch (error) {
    if (!(error instanceof FairleadError) || !['SignatureInvalid', 'ProfileInvalid'].includes(error.kind)) throw error;
    const found = await contentOf(reference, connect);
    if (found === undefined) throw error;
    const { kind, summary, details } = error;
    const said = `is ${found}, and no security profile`;
    // The refusal may say the same, of the digest.
    const at = summary.indexOf(`${said}: `);
    const why = at < 0 ? summary : summary.slice(at + said.length + 2);
    throw new FairleadError(kind, `${formatReference(reference)} ${said}: ${why}`, {
      cause: error.cause,
      ...(details && { details }),
      hint: `Name a reference that a profile was pushed to. What is there is shown by: fairlead inspect ${formatReference(reference)}`,
    });
  }
}

/**
 * What else than a profile is there. What goes wrong here says less than the refusal that was to be
 * explained.
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
