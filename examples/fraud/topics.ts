import { json } from '@millrace/core'
import type { Alert, MerchantReport, Payment } from './payments.ts'

export const topics = { payments: 'payments', alerts: 'alerts', reports: 'merchant-reports' } as const

export const paymentJson = json<Payment>()
export const alertJson = json<Alert>()
export const reportJson = json<MerchantReport>()
