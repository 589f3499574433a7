/// The probability that a buyer does not buy again within the horizon.
package struct ChurnModel: OutcomeModel {
    package static let name = "churn"
    package static let magic: UInt32 = 0x4E48_4352  // RCHN
    package let scorer: OutcomeScorer
    package init(scorer: OutcomeScorer) { self.scorer = scorer }

    /// The rule to beat: by days since the last purchase alone.
    package static func config(horizon: Int64) -> OutcomeConfig {
        OutcomeConfig(horizon: horizon, ruleFeature: "days_since_last")
    }
}
