import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { quote, shorten } from '#lib/text/quote';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { addVerbosityOptions } from '../options/verbosity.ts';
import { writeResult } from '../terminal/output.ts';

/** Milliseconds for an answer. Probes of containers have a timeout of a few seconds as well. */
const patience = 5_000;

/** `fairlead healthcheck URL`. */
export function define(command: Command): void {
  command
    .description(
      'Ask a service whether it is ready, for the health check of a container whose image has no HTTP client. Succeeds if ' +
        'the answer has status 200. The service is asked once, for at most 5 seconds, and not through a proxy.',
    )
    .argument('<url>', 'address of the service, with the path /readyz or /healthz');
  addVerbosityOptions(addOutputOption(command))
    .addHelpText(
      'after',
      examples([
        [
          'as HEALTHCHECK in a Dockerfile, for `fairlead serve --health 127.0.0.1:8082 …`',
          'fairlead healthcheck http://127.0.0.1:8082/readyz',
        ],
      ]),
    )
    .action(healthcheck);
}

async function healthcheck(text: string, options: OutputOptions): Promise<void> {
  const url = parseUrl(text);
  const [{ nameRequest }, { serviceClient }] = await Promise.all([
    import('#lib/network/request-error'),
    import('#lib/network/service-client'),
  ]);
  const ask = serviceClient({ retry: { attempts: 1 }, total: patience });
  const { status, body } = await ask({ method: 'GET', url });
  const answer = body.toString().trim();
  if (status !== 200) {
    const request = nameRequest({ method: 'GET', url: new URL(url) });
    const reason = answer === '' ? '' : `: ${shorten(answer, 200)}`;
    throw new FairleadError('Unavailable', `${request} answered ${status}${reason}`, {
      hint: 'The log of the service has the reason.',
    });
  }
  writeResult('healthcheck', options.output, {
    json: () => ({ url, status, body: answer }),
    text: () => answer,
    quiet: () => '',
  });
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') {
    return url.href;
  }
  const named = url === undefined || url.username + url.password === '' ? ` ${quote(text)}` : ' with credentials';
  throw new FairleadError('InvalidInput', `invalid URL${named}`, {
    hint: 'Want http://HOST:PORT/readyz, as for fairlead serve --health HOST:PORT.',
  });
}
