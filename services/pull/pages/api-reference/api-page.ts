import { badge } from '../components/badge.ts';
import { type Html, html } from '../components/html.ts';
import { layout } from '../site/layout.ts';
import type { Site } from '../site/site.ts';
import type { Body, OpenApiDocument, Operation, Parameter, Schema } from './open-api-document.ts';
import { anchorOf, described, schemaView, typeOf } from './schema-view.ts';

export interface ApiPage {
  readonly site: Site;
  /** The document of the service itself. */
  readonly document: OpenApiDocument;
}

/** An operation with its address. */
interface Listed {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** Returns the reference of the API, made from the OpenAPI document of the service. */
export function apiPage({ site, document }: ApiPage): Html {
  const operations = operationsOf(document);
  const schemas = Object.entries(document.components?.schemas ?? {});
  const contents = operations.map(
    (listed) => html`<li><a href="#${idOf(listed)}"><b>${listed.method}</b> <code>${listed.path}</code></a></li>`,
  );
  const main = html`<h1>API reference</h1>
<p class="lead">${document.info?.description} The same as a document for programs: <a href="/openapi.json">OpenAPI 3.1</a>. Errors are problem
details (RFC 9457).</p>
<div class="reference-page"><nav aria-label="Operations"><ul>${contents}</ul></nav>
<div>${operations.map(operationView)}${schemas.length > 0 && html`<section class="block"><h2 id="schemas">Schemas</h2>${schemas.map(namedSchema)}</section>`}</div></div>`;
  return layout(site, { title: 'API reference', section: 'api' }, main);
}

function operationsOf({ paths = {} }: OpenApiDocument): readonly Listed[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

function idOf({ method, path, operation }: Listed): string {
  return operation.operationId ?? `${method}${path}`.replace(/[^A-Za-z0-9]+/g, '-');
}

function operationView(listed: Listed): Html {
  const { method, path, operation } = listed;
  const { summary = path, description, parameters = [], requestBody, responses = {} } = operation;
  return html`<section class="operation" id="${idOf(listed)}"><h2>${summary}</h2>
<p class="address">${badge('neutral', method)} <code>${path}</code></p>
${description !== undefined && html`<p class="text">${described(description)}</p>`}
${parameters.length > 0 && html`<h3>Parameters</h3><ul class="members">${parameters.map(parameterView)}</ul>`}
${requestBody !== undefined && html`<h3>Body</h3>${bodyView(requestBody)}`}
<h3>Answers</h3><dl class="answers">${Object.entries(responses).map(
    ([status, answer]) =>
      html`<div><dt><code>${status === 'default' ? 'error' : status}</code></dt><dd>${bodyView(answer)}</dd></div>`,
  )}</dl></section>`;
}

function parameterView({ name, in: place, required, description, schema }: Parameter): Html {
  const type = schema !== undefined && html`, ${typeOf(schema)}`;
  const words = html`<small>in ${place}${type}${required !== true && ', optional'}</small>`;
  return html`<li><code>${name}</code> ${words}${description !== undefined && html`<p>${described(description)}</p>`}</li>`;
}

function bodyView({ description, content = {} }: Body): Html {
  const forms = Object.entries(content).map(([type, { schema = {} }]) => {
    const form = html`<code>${type}</code> <small>${typeOf(schema)}</small>`;
    const members = schemaView(schema);
    return members === undefined ? html`<p>${form}</p>` : html`<details><summary>${form}</summary>${members}</details>`;
  });
  return html`${description !== undefined && html`<p>${described(description)}</p>`}${forms}`;
}

/** The anchor is in the folded part: browsers open what a link leads into. */
function namedSchema([name, schema]: readonly [string, Schema]): Html {
  const { description } = schema;
  return html`<details class="named-schema"><summary><h3>${name}</h3></summary><div id="${anchorOf(name)}">${
    description !== undefined && html`<p class="text">${described(description)}</p>`
  }${schema.properties === undefined && html`<p><small>${typeOf(schema)}</small></p>`}${schemaView(schema)}</div></details>`;
}
