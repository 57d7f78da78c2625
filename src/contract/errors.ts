/**
 * Every refusal that the server makes on purpose: code → HTTP status → sentence in the reader's
 * language. Codes never change meaning. `{name}` is filled from the details. Free of zod.
 */
export const ERRORS = {
  VALIDATION_FAILED: { status: 400, zh: '填写有误：{fields}', en: 'Please correct: {fields}' },
  MALFORMED_JSON: { status: 400, zh: '请求内容不是有效的 JSON', en: 'The request body is not valid JSON' },
  MALFORMED_REQUEST: { status: 400, zh: '请求格式有误', en: 'The request is malformed' },
  ORIGIN_REFUSED: { status: 403, zh: '请求来自其他网站，已拒绝', en: 'Requests from another site are refused' },
  UNAUTHENTICATED: { status: 401, zh: '请先登录', en: 'Please sign in' },
  SIGN_IN_FAILED: { status: 401, zh: '手机号或密码不正确', en: 'Phone number or password is wrong' },
  SESSION_ENDED: { status: 401, zh: '登录已失效，请重新登录', en: 'Your session has ended; please sign in again' },
  FORBIDDEN: { status: 403, zh: '您没有进行此操作的权限', en: 'You are not allowed to do this' },
  NOT_FOUND: { status: 404, zh: '没有找到', en: 'Not found' },
  LINK_INVALID: { status: 404, zh: '链接无效或已过期，请使用最近一条短信中的链接，或致电值班室', en: 'This link is invalid or has expired; use the one in the latest message or phone the duty room' },
  CONFLICT: { status: 409, zh: '与现有数据冲突', en: 'This conflicts with what is already there' },
  STALE_VERSION: { status: 409, zh: '内容已被他人修改，请刷新后重试', en: 'Someone has changed this meanwhile; reload and try again' },
  IDEMPOTENCY_KEY_REQUIRED: { status: 400, zh: '缺少 Idempotency-Key', en: 'The header Idempotency-Key is missing' },
  IDEMPOTENCY_KEY_REUSED: { status: 409, zh: '该请求编号已用于另一请求', en: 'This request key was used for another request' },
  BODY_TOO_LARGE: { status: 413, zh: '内容过大，最多 {limitKb} KB', en: 'Too large: at most {limitKb} KB' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, zh: '只接受 application/json', en: 'Only application/json is accepted' },
  RATE_LIMITED: { status: 429, zh: '操作太频繁，请 {retryAfterSec} 秒后再试', en: 'Too many attempts; try again in {retryAfterSec} seconds' },
  INTERNAL: { status: 500, zh: '系统出错，请重试；如仍不行请报告编号 {requestId}', en: 'Something went wrong; try again, and if it persists report number {requestId}' },
  DB_UNAVAILABLE: { status: 503, zh: '数据库暂时不可用，请稍后重试', en: 'The database is not available at the moment; please try again' },
  OVERLOADED: { status: 503, zh: '系统繁忙，请稍后重试', en: 'The service is busy; please try again' },
  PROTOCOL_VERSION_MISMATCH: { status: 409, zh: '页面版本已过期，请刷新', en: 'This page is out of date; please reload' },

  PHONE_TAKEN: { status: 409, zh: '该手机号已登记', en: 'This phone number is already registered' },
  PHONE_INVALID: { status: 400, zh: '手机号应为 11 位数字', en: 'A mobile number has 11 digits' },
  PAIRING_LAST: { status: 409, zh: '解除后将有单位或网格没有结对，不能解除', en: 'Ending it would leave a unit or grid without a pairing' },
  PAIRING_OVERLAP: { status: 409, zh: '该单位与网格在此期间已有结对', en: 'This unit and grid are already paired in that period' },
  PAIRING_LEAD_TAKEN: { status: 409, zh: '该网格已有牵头单位', en: 'This grid already has a lead unit' },
  PARTY_TREE_CYCLE: { status: 409, zh: '党组织上下级关系出现循环', en: 'The party tree would contain a cycle' },

  SCOPE_EMPTY: { status: 400, zh: '所选范围内没有网格', en: 'The chosen scope contains no grid' },
  PLAN_DOES_NOT_MOBILISE: { status: 409, zh: '该预案未开启动员，须由主管部门决定', en: 'This plan does not mobilise until its owner decides so' },
  PREPARATION_EXPIRED: { status: 409, zh: '预览已过期，请重新预览', en: 'The preview has expired; please preview again' },
  PREPARATION_STALE: { status: 409, zh: '预览后人员有变化，请重新预览', en: 'The people have changed since the preview; please preview again' },
  PREPARATION_USED: { status: 409, zh: '该预览已使用', en: 'This preview has been used' },
  HOLD_TOO_SHORT: { status: 400, zh: '须持续按住 3 秒', en: 'Press and hold for 3 seconds' },
  EMERGENCY_ALREADY_OPEN: { status: 409, zh: '{no}《{name}》已由{by}于 {at} 启动，范围相同', en: '{no} "{name}" with the same scope was already started by {by} at {at}' },
  EMERGENCY_CLOSED: { status: 409, zh: '响应已结束，不能再进行此操作', en: 'The response has ended; this is no longer possible' },
  ILLEGAL_TRANSITION: { status: 409, zh: '当前状态不能进行此操作', en: 'This is not possible in the present state' },
  LEVEL_UNCHANGED: { status: 409, zh: '级别没有变化', en: 'The level would not change' },
  NOT_STOOD_DOWN: { status: 409, zh: '还有 {people} 人未签离，请签离或登记未签离原因', en: '{people} people are not signed off; sign them off or list them with a reason' },
  ORAL_APPROVAL_REFUSED: { status: 400, zh: '口头批准只适用于Ⅰ级、Ⅱ级响应，请填写书面批准', en: 'Only levels Ⅰ and Ⅱ may start on an oral approval; a written one is needed' },
  EXPECTED_IN_PAST: { status: 400, zh: '预计期限须晚于现在', en: 'The expected end must be in the future' },

  PERSON_HELD: { status: 409, zh: '{name}已编入《{emergency}》', en: '{name} is held by "{emergency}"' },
  TEAM_SLOT_FILLED: { status: 409, zh: '该岗位已由他人补上', en: 'Someone has filled this post meanwhile' },
  NO_CANDIDATE: { status: 409, zh: '没有可用的替补人员', en: 'Nobody is free to stand in' },
  NOT_IN_TEAM: { status: 409, zh: '该人员不在此队', en: 'This person is not in the team' },
  OTHER_COMMUNITY: { status: 409, zh: '只能在本社区各网格之间调整', en: 'Moves are limited to the grids of one community' },
  PROMISED_AT_INVALID: { status: 400, zh: '预计到达时间须在今后 24 小时内', en: 'The time must be within the next 24 hours' },
  URGED_RECENTLY: { status: 429, zh: '刚刚催办过，请 {retryAfterSec} 秒后再催', en: 'Urged a moment ago; try again in {retryAfterSec} seconds' },
  CODE_INVALID: { status: 400, zh: '签到码无效或已过期，请重新扫码', en: 'The check-in code is wrong or has expired; scan it again' },
  NO_EMERGENCY: { status: 409, zh: '平时不签到：当前没有应急响应或演练', en: 'No check-in in peacetime: no response or drill is open' },
  NOT_CHECKED_IN: { status: 409, zh: '尚未签到，不能签离', en: 'Not checked in, so not to be checked out' },
  ROLL_CALL_CLOSED: { status: 409, zh: '点名已结束', en: 'This roll call is closed' },
} as const satisfies Record<string, { status: number, zh: string, en: string }>

/** What is wrong with a field, where the schema's own words would speak of types. */
export const FIELD_FAULTS = {
  missing: { zh: '必填', en: 'required' },
  unstorable: { zh: '含有无法保存的字符', en: 'contains characters that cannot be kept' },
} as const satisfies Record<string, { zh: string, en: string }>

export type ErrorCode = keyof typeof ERRORS
export type Language = 'zh-CN' | 'en'

/** The sentence of a code in the reader's language. */
export function errorText(code: ErrorCode, language: Language, details: Readonly<Record<string, unknown>> = {}): string {
  const template: string = ERRORS[code][language === 'en' ? 'en' : 'zh']
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ''))
}
