import type { RuleChange } from '@millrace/cep'
import { json } from '@millrace/core'
import type { Alert, MerchantReport, Payment } from './payments.ts'

export const topics = { payments: 'payments', alerts: 'alerts', reports: 'merchant-reports' } as const

/** Patterns to watch for, and changes of them; only the demo in one process has it. */
export const rulesTopic = 'rules'

export const paymentJson = json<Payment>()
export const alertJson = json<Alert>()
export const reportJson = json<MerchantReport>()
export const ruleJson = json<RuleChange>()
