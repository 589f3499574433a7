/// The probability, at an add-to-cart or begin-checkout, of a purchase within the window.
package struct HighIntentModel: OutcomeModel {
    package static let name = "high_intent"
    package static let magic: UInt32 = 0x544E_4852  // RHNT
    package let scorer: OutcomeScorer
    package init(scorer: OutcomeScorer) { self.scorer = scorer }

    /// The rule to beat: by whether it is a checkout or a cart alone.
    package static func config(window: Int64) -> OutcomeConfig {
        OutcomeConfig(horizon: window, ruleFeature: "begin_checkout")
    }
}
