import { FairleadError } from '#lib/errors';
import type { Descriptor, Platform } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { isManifestMediaType, manifestBytesLimit, parseAnyManifest } from '#lib/registry/manifest';
import { formatPlatform, isPlatform } from '#lib/registry/platform';
import type { CallOptions, Fetcher } from '#lib/registry/target';
import { shorten } from '#lib/text/quote';

/** A manifest of an image that profiles may be attached to. */
export interface ImageSubject {
  readonly descriptor: Descriptor;
  /** Absent for an index, which is for all of its platforms, and if it is not known. */
  readonly platform?: Platform;
}

/** Most manifests of an index; the largest images have about 30. */
const manifestsLimit = 256;
const configBytesLimit = 1024 * 1024;
const imageConfig = /^application\/vnd\.(?:oci\.image\.config|docker\.container\.image)\.v1\+json$/;

/**
 * Returns the manifests of an image: the resolved one first and, if that is an index, those of its
 * platforms, or of the wanted one only. Throws InvalidInput for other content, NotFound if the
 * image is not for the wanted platform, LimitExceeded for an index that is too large, and as the
 * fetcher does.
 *
 * @param name how messages call the image.
 */
export async function imageSubjects(
  fetcher: Fetcher,
  image: Descriptor,
  { name, platform, ...options }: CallOptions & { readonly name: string; readonly platform?: Platform | undefined },
): Promise<readonly ImageSubject[]> {
  const { mediaType } = image;
  if (!isManifestMediaType(mediaType)) {
    throw new FairleadError('InvalidInput', `${name} is not an image: its media type is ${mediaType}`);
  }
  const bytes = await fetchBytes(fetcher, image, { ...options, limit: manifestBytesLimit });
  const parsed = parseAnyManifest(mediaType, bytes, image.digest);
  if (!('manifests' in parsed)) {
    if (platform === undefined) return [{ descriptor: image }];
    const own = await platformOf(fetcher, parsed.config, options);
    if (own !== undefined && isPlatform(own, platform)) return [{ descriptor: image, platform: own }];
    throw otherPlatforms(name, platform, own === undefined ? [] : [own]);
  }
  if (parsed.manifests.length > manifestsLimit) {
    throw new FairleadError('LimitExceeded', `${name} is an index of more than ${manifestsLimit} manifests`);
  }
  const listed = parsed.manifests.flatMap((each) => {
    // BuildKit lists its attestations under an unknown platform.
    if (each.platform === undefined || each.platform.os === 'unknown') return [];
    return [{ descriptor: each, platform: each.platform }];
  });
  const wanted = platform === undefined ? listed : listed.filter((each) => isPlatform(each.platform, platform));
  if (platform !== undefined && wanted.length === 0) {
    throw otherPlatforms(
      name,
      platform,
      listed.map((each) => each.platform),
    );
  }
  return [{ descriptor: image }, ...wanted];
}

/** Reads the platform of an image from its config; undefined if that is no config of an image. */
async function platformOf(fetcher: Fetcher, config: Descriptor, options: CallOptions): Promise<Platform | undefined> {
  if (!imageConfig.test(config.mediaType)) return undefined;
  const bytes = await fetchBytes(fetcher, config, { ...options, limit: configBytesLimit });
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new FairleadError('InvalidInput', `the config ${config.digest} of the image is not valid JSON`, { cause });
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const field = (key: string): string | undefined => {
    const value: unknown = Reflect.get(json, key);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [os, architecture, variant] = [field('os'), field('architecture'), field('variant')];
  if (os === undefined || architecture === undefined) return undefined;
  return { os, architecture, ...(variant !== undefined && { variant }) };
}

function otherPlatforms(name: string, wanted: Platform, platforms: readonly Platform[]): FairleadError {
  const others = [...new Set(platforms.map(formatPlatform))];
  if (others.length === 0) {
    return new FairleadError('NotFound', `${name} does not state its platform, such as ${formatPlatform(wanted)}`, {
      hint: 'Leave out `platform` to find its profiles.',
    });
  }
  return new FairleadError('NotFound', `${name} is not for ${formatPlatform(wanted)}`, {
    hint: `It is for ${shorten(others.join(', '), 400)}.`,
  });
}
