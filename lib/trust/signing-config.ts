import { SigningConfig } from '@sigstore/protobuf-specs';
import { FairleadError } from '#lib/errors';

const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Reads a Sigstore signing config (JSON). Throws InvalidInput for another format, for one without a certificate authority, and
 * for services that are neither reached by TLS nor on this machine: the identity token goes to them.
 */
export function readSigningConfig(bytes: Uint8Array): SigningConfig {
  let config: SigningConfig;
  try {
    config = SigningConfig.fromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (config.mediaType !== mediaType) throw invalid(`its media type is ${JSON.stringify(config.mediaType)}`);
  if (config.caUrls.length === 0) throw invalid('it names no certificate authority');
  for (const service of [...config.caUrls, ...config.rekorTlogUrls, ...config.tsaUrls]) {
    const url = URL.canParse(service.url) ? new URL(service.url) : undefined;
    if (url === undefined) throw invalid(`${JSON.stringify(service.url)} is no URL`);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback.test(url.hostname))) {
      throw invalid(`${service.url} is not reached by https`);
    }
    service.url = service.url.replace(/\/+$/, '');
  }
  return config;
}

function invalid(reason: string, cause?: unknown): FairleadError {
  return new FairleadError('InvalidInput', `not a usable Sigstore signing config: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Make one with `cosign signing-config create`; without one, Sigstore’s public services are used.',
  });
}
