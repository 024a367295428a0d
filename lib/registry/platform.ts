import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import type { Platform } from './descriptor.ts';

const platformPattern = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/;

/** Parses a platform, `os/architecture[/variant]`. Throws InvalidInput. */
export function parsePlatform(text: string): Platform {
  const [, os, architecture, variant] = platformPattern.exec(text) ?? [];
  if (os === undefined || architecture === undefined) {
    throw new FairleadError('InvalidInput', `invalid platform ${quote(text)}: want os/architecture[/variant]`, {
      hint: 'Write linux/amd64, linux/arm64 or linux/arm/v7.',
    });
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** Formats a platform: `os/architecture[/variant]`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/** Reports whether a platform is the wanted one, of any variant if none is wanted. */
export function isPlatform(platform: Platform, wanted: Platform): boolean {
  const [is, want] = [platform, wanted].map(variantOf);
  return (
    platform.os === wanted.os &&
    platform.architecture === wanted.architecture &&
    (wanted.variant === undefined || is === want)
  );
}

/** Returns the variant; the only one of arm64 is often left out. */
function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant ?? (architecture === 'arm64' ? 'v8' : undefined);
}
