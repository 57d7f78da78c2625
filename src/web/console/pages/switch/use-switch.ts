import type { Preparation, Prepare } from '../../../../contract/mobilization.ts'
import type { Plan } from '../../../../contract/plans.ts'
import type { PlaceTree } from '../../../../contract/registry.ts'
import type { ApprovalMode, LevelAuthority, ResponseLevel, WarningColour } from '../../../../contract/vocabulary.ts'
import { computed, onScopeDispose, reactive, ref, shallowRef, watch } from 'vue'
import { api, ApiError } from '../../../shared/api.ts'
import { serverNow } from '../../../shared/clock.ts'
import { newId } from '../../../shared/ids.ts'
import { useText } from '../../i18n/index.ts'
import { offeredName } from '../../i18n/message-words.ts'
import { gridIdsOf, scopeOfGrids } from './places.ts'

export type SwitchAction = Prepare['action']
export type Field = 'planId' | 'scope' | 'name' | 'basis' | 'approver' | 'measures' | 'expectedUntil' | 'warning.kind' | 'warning.source' | 'warning.area'
/** The press found the preview worthless; a new one is made at once and says why. */
const RENEWING = ['PREPARATION_EXPIRED', 'PREPARATION_STALE', 'PREPARATION_USED'] as const
type Renewing = typeof RENEWING[number]

/** Wait until the hand has stopped typing or tapping. */
const SETTLE_MS = 350
/** A preview is renewed this long before it expires, so that the key under the finger is always good. */
const RENEW_BEFORE_MS = 30_000
const HOUR_MS = 3_600_000
/** An activation writes thousands of rows. */
const PRESS_TIMEOUT_MS = 40_000

interface Prepared { key: string, preparation: Preparation, idempotencyKey: string }

/**
 * The form of the switch and its preview. Everything is filled in from the plan; each change prepares
 * anew by itself, so that what the key would do is always on the screen before it is pressed.
 */
export function useSwitch({ plans, tree, action, emergencyId, chosen, communityName }: {
  plans: readonly Plan[]
  tree: PlaceTree
  action: SwitchAction
  /** A pre-alert or an initial response that becomes a response. */
  emergencyId: string | null
  chosen?: readonly string[]
  communityName: string
}) {
  const { t } = useText()
  const form = reactive({
    planId: plans.find(plan => plan.mobilises || action === 'initialResponse')?.id ?? '',
    action,
    level: 3 as ResponseLevel,
    isDrill: false,
    name: '',
    levelAuthority: (action === 'initialResponse' ? 'community' : 'county') as LevelAuthority,
    basis: '',
    approver: '',
    approvalMode: 'written' as ApprovalMode,
    measures: '',
    expectedHours: 24,
    warning: { kind: '', colour: 'orange' as WarningColour, source: '', area: '' },
  })
  const grids = shallowRef<ReadonlySet<string>>(new Set(chosen ?? gridIdsOf(tree)))
  // What was chosen survives a reload, in this entry of the history alone: a drill never turns into the real thing by it.
  const kept = (history.state as { switchForm?: { form: typeof form, grids: string[] } } | null)?.switchForm
  if (kept !== undefined && emergencyId === null) {
    Object.assign(form, kept.form)
    grids.value = new Set(kept.grids)
  }
  const plan = computed(() => plans.find(({ id }) => id === form.planId) ?? null)
  const planLevel = computed(() => plan.value?.levels.find(({ level }) => level === (form.action === 'initialResponse' ? 4 : form.level)) ?? null)

  // What was typed stays; what still says what the plan said follows the plan.
  type Prefilled = 'name' | 'basis' | 'approver' | 'measures' | 'expectedHours'
  let offered: Partial<Record<Prefilled, string | number>> = {}
  watch([plan, planLevel, () => form.action], ([now, level]) => {
    if (now === null || level === null)
      return
    const next = { name: offeredName(form.action, now.name, communityName), basis: level.basis, approver: level.approver, measures: level.measures }
    for (const field of ['name', 'basis', 'approver', 'measures'] as const) {
      if (form[field] === '' || form[field] === offered[field])
        form[field] = next[field]
    }
    if (offered.expectedHours === undefined || form.expectedHours === offered.expectedHours)
      form.expectedHours = level.expectedHours
    offered = { ...next, expectedHours: level.expectedHours }
  }, { immediate: true })

  const expectedUntil = computed(() => new Date(serverNow() + form.expectedHours * HOUR_MS))

  function request(): Prepare {
    const { planId, isDrill, levelAuthority, approvalMode, warning } = form
    const common = {
      planId,
      scope: scopeOfGrids(tree, grids.value, form.action === 'initialResponse'),
      isDrill,
      name: form.name.trim(),
      levelAuthority,
      basis: form.basis.trim(),
      approver: form.approver.trim(),
      approvalMode,
      measures: form.measures.trim(),
      expectedUntil: new Date(serverNow() + form.expectedHours * HOUR_MS).toISOString(),
    }
    switch (form.action) {
      case 'activate': return { action: 'activate', level: form.level, emergencyId, ...common }
      case 'preAlert': return { action: 'preAlert', level: form.level, warning: { ...warning }, ...common }
      case 'initialResponse': return { action: 'initialResponse', ...common }
    }
  }

  const missing = computed<Field[]>(() => {
    const empty = (['name', 'basis', 'approver', 'measures'] as const).filter(field => form[field].trim() === '')
    const warning = form.action === 'preAlert' ? (['kind', 'source', 'area'] as const).filter(field => form.warning[field].trim() === '').map(field => `warning.${field}` as const) : []
    return [...(form.planId === '' ? ['planId' as const] : []), ...(grids.value.size === 0 ? ['scope' as const] : []), ...empty, ...warning]
  })

  const prepared = shallowRef<Prepared | null>(null)
  const isPreparing = ref(false)
  const isPressing = ref(false)
  const refusal = shallowRef<ApiError | null>(null)
  const renewed = shallowRef<{ at: number, why: Renewing } | null>(null)

  /** What decides whether a preview still speaks of this form; the hour of the clock is no part of it. */
  const key = computed(() => JSON.stringify({ ...form, warning: form.action === 'preAlert' ? form.warning : null, grids: [...grids.value].sort() }))
  const isCurrent = computed(() => prepared.value?.key === key.value)
  let turn = 0
  let settle: ReturnType<typeof setTimeout> | undefined
  let expiry: ReturnType<typeof setTimeout> | undefined

  async function prepare(why?: Renewing): Promise<void> {
    clearTimeout(settle)
    const mine = ++turn
    if (missing.value.length > 0) {
      prepared.value = null
      isPreparing.value = false
      return
    }
    isPreparing.value = true
    const asked = key.value
    try {
      const preparation = await api('POST /api/switch/preparations', { body: request(), timeoutMs: PRESS_TIMEOUT_MS })
      if (mine !== turn)
        return
      prepared.value = { key: asked, preparation, idempotencyKey: newId() }
      refusal.value = null
      renewed.value = why === undefined ? null : { at: serverNow(), why }
      clearTimeout(expiry)
      expiry = setTimeout(() => void prepare('PREPARATION_EXPIRED'), Math.max(5_000, Date.parse(preparation.expiresAt) - serverNow() - RENEW_BEFORE_MS))
    }
    catch (error) {
      if (mine !== turn)
        return
      if (!(error instanceof ApiError))
        throw error
      prepared.value = null
      refusal.value = error
    }
    finally {
      if (mine === turn)
        isPreparing.value = false
    }
  }

  watch(key, () => {
    history.replaceState({ ...history.state as object, switchForm: { form: JSON.parse(JSON.stringify(form)) as typeof form, grids: [...grids.value] } }, '')
    clearTimeout(settle)
    settle = setTimeout(() => void prepare(), SETTLE_MS)
  })
  void prepare()
  onScopeDispose(() => {
    turn++
    clearTimeout(settle)
    clearTimeout(expiry)
  })

  /** The emergency's id once it stands; null where it was refused (then `refusal` or `renewed` says why). */
  async function press(heldMs: number, secondFactor: string): Promise<string | null> {
    const now = prepared.value
    if (now === null || !isCurrent.value || isPressing.value)
      return null
    isPressing.value = true
    refusal.value = null
    try {
      const { preparationId, nonce } = now.preparation
      const ref = await api('POST /api/switch/activations', {
        body: { preparationId, nonce, heldMs, ...(secondFactor !== '' && { secondFactor }) },
        idempotencyKey: now.idempotencyKey,
        timeoutMs: PRESS_TIMEOUT_MS,
      })
      return ref.emergencyId
    }
    catch (error) {
      if (!(error instanceof ApiError))
        throw error
      const why = RENEWING.find(code => code === error.code)
      if (why !== undefined)
        await prepare(why)
      else
        refusal.value = error
      return null
    }
    finally {
      isPressing.value = false
    }
  }

  /** The refusal that belongs to one field, else what is missing there. */
  const errorOf = (field: Field): string => {
    const { details, message } = refusal.value ?? {}
    const issues = Array.isArray(details?.issues) ? details.issues as { path?: unknown, message?: unknown }[] : []
    const issue = issues.find(({ path }) => path === field)
    if (typeof issue?.message === 'string')
      return issue.message
    if (details?.field === field)
      return message ?? ''
    return missing.value.includes(field) ? t(field === 'scope' ? 'console.switch.scopeEmpty' : 'console.switch.needed') : ''
  }

  return { form, grids, plan, planLevel, expectedUntil, missing, preparation: computed(() => prepared.value?.preparation ?? null), isCurrent, isPreparing, isPressing, refusal, renewed, errorOf, press, prepare }
}
