import type { Tone } from './badge.ts';
import { type Fact, facts } from './facts.ts';
import { type Html, html } from './html.ts';
import { type IconName, icon } from './icon.ts';

/** How this site's verification of an artifact ended. */
export type VerificationOutcome = 'verified' | 'notSigned' | 'refused' | 'notChecked';

export interface VerificationPanel {
  readonly outcome: VerificationOutcome;
  /** Which rule decided, or why it could not be checked. */
  readonly sentence: string | Html;
  readonly facts: readonly Fact[];
  /** Address of the page with every step. */
  readonly steps?: string;
}

const looks: Readonly<Record<VerificationOutcome, { title: string; tone: Tone; icon: IconName }>> = {
  verified: { title: 'Verified', tone: 'strict', icon: 'verified' },
  notSigned: { title: 'Not signed', tone: 'more', icon: 'unsigned' },
  refused: { title: 'Refused', tone: 'bad', icon: 'refused' },
  notChecked: { title: 'Could not be checked', tone: 'neutral', icon: 'unchecked' },
};

/** Returns the panel with the result of a verification, and what it is based on. */
export function verificationPanel({ outcome, sentence, facts: list, steps }: VerificationPanel): Html {
  const look = looks[outcome];
  return html`<section class="panel" id="trust" aria-labelledby="trust-title"><header class="${look.tone}">${icon(look.icon)}<div><h2
id="trust-title">${look.title}</h2><p>${sentence}</p></div></header>
<div class="panel-body">${facts(list)}${steps !== undefined && html`<p><a class="plain" href="${steps}">Every step of this decision</a></p>`}</div></section>`;
}
