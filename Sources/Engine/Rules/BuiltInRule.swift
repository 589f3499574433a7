/// The rules that every store has. Raw values are part of saved state.
package enum BuiltInRule: UInt8, CaseIterable, Sendable {
    case browseAbandoned = 1
    case cartAbandoned
    case checkoutAbandoned
    case churned
    case winBack
    case dormant
    case onboardingStalled
    case welcome
    case repurchaseDue
    case segmentMoved
    case botSuspected
    case retracted
    case tierChanged
    case churnRisk
    case highIntent
    case replenishDue

    /// Name of type and rule in the contract.
    package var text: String {
        switch self {
        case .browseAbandoned: "browse_abandoned"
        case .cartAbandoned: "cart_abandoned"
        case .checkoutAbandoned: "checkout_abandoned"
        case .churned: "churned"
        case .winBack: "win_back"
        case .dormant: "dormant"
        case .onboardingStalled: "onboarding_stalled"
        case .welcome: "welcome"
        case .repurchaseDue: "repurchase_due"
        case .segmentMoved: "segment_moved"
        case .botSuspected: "bot_suspected"
        case .retracted: "retracted"
        case .tierChanged: "tier_changed"
        case .churnRisk: "churn_risk"
        case .highIntent: "high_intent"
        case .replenishDue: "replenish_due"
        }
    }

    /// Names by raw value, the first of them empty: what a batch of triggers numbers them by.
    package static let names: [String] = {
        var names = [String](repeating: "", count: Int(allCases.map(\.rawValue).max() ?? 0) + 1)
        for rule in allCases { names[Int(rule.rawValue)] = rule.text }
        return names
    }()
}
