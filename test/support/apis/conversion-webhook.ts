import assert from 'node:assert/strict';
import { pino } from 'pino';
import { listen } from '#lib/http/listen-address';
import { TlsFiles } from '#lib/http/tls-files';
import type { ConvertedResource } from '#operator/api/shared/resource-definition';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { webhookServer } from '#operator/webhooks/webhook';
import { makeAuthority, makeCertificate } from '#test/peers/certificates';
import { finishFolder, temporaryFolder } from '#test/peers/program';
import type { Document } from './served-apis.ts';

/** The operator's webhook on loopback, which API servers call to convert objects. */
export interface ConversionWebhook {
  /** Bytes of PEM, and where it listens. */
  readonly certificate: string;
  readonly port: number;
  /** How many objects each call so far had. */
  readonly calls: readonly number[];
  /** Returns the CRD of an API with this webhook. The version `stored` is stored. */
  definition(resource: ConvertedResource, stored?: string): Document;
  stop(): Promise<void>;
}

/** Starts the webhook. */
export async function startConversionWebhook(): Promise<ConversionWebhook> {
  const folder = temporaryFolder('conversion');
  const authority = await makeAuthority(folder, '/CN=conversion-ca');
  const names = { name: 'webhook', subject: '/CN=webhook', serverNames: 'IP:127.0.0.1' };
  const { certificateFile: cert, keyFile: key } = await makeCertificate(folder, authority, names);
  const calls: number[] = [];
  const write = (line: string): void => {
    const { objects } = JSON.parse(line) as { readonly objects?: number };
    if (objects !== undefined) calls.push(objects);
  };
  const source = { read: async () => assert.fail('bindings were read'), probe: async () => {} };
  const server = webhookServer(source, await TlsFiles.open({ cert, key }), pino({ level: 'debug' }, { write }));
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
  return {
    certificate: authority.certificate,
    port,
    calls,
    definition(resource, stored = 'v1') {
      const { spec, ...rest } = customResourceDefinition(resource) as { readonly spec: Document } & Document;
      const versions = spec['versions'] as readonly Document[];
      const clientConfig = {
        url: `https://127.0.0.1:${port}/convert`,
        caBundle: Buffer.from(authority.certificate).toString('base64'),
      };
      return {
        ...rest,
        spec: {
          ...spec,
          conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } },
          versions: versions.map((version) => ({ ...version, storage: version['name'] === stored })),
        },
      };
    },
    async stop() {
      await server.close();
      finishFolder(folder);
    },
  };
}
