package import Core

/// What is captured for the models of an outcome. Lengths of time in microseconds; state follows from it.
package struct OutcomeSettings: Sendable, Equatable {
    /// No purchase for so long after the anchor is churn.
    package var churnHorizon: Int64 = 0
    /// Days between two anchors, counted from 1970-01-01.
    package var anchorDays = 7
    /// Anchors whose rows are held.
    package var anchors = 0
    /// Rows of one anchor in one partition; 0: nothing is captured.
    package var churnRows = 0
    /// A purchase so long after the cart counts.
    package var intentWindow: Int64 = 0
    /// Rows held in one partition; 0: nothing is captured.
    package var intentRows = 0
    /// Probabilities: the risk is told from the one on, and may be told again once it fell below the other.
    package var churnRisk = 0.0
    package var churnClear = 0.0
    package var highIntent = 0.0
    /// How long after a trigger its outcome is looked for; 0: it is not.
    package var followUp: Int64 = 0
    /// Open outcomes in one partition.
    package var followUps = 0

    package init() {}

    package init(_ settings: Settings) {
        let churn = settings.models.churn
        let intent = settings.models.highIntent
        let enabled = settings.models.enabled
        churnHorizon = churn.horizon ?? Settings.ChurnModel.firstHorizon
        anchorDays = Int(churn.anchorEvery / Microseconds.day)
        anchors = churn.anchors
        if enabled.contains("churn") {
            churnRows = max(1, churn.rows / churn.anchors / Partitioning.count)
        }
        intentWindow = intent.window
        if enabled.contains("high_intent") { intentRows = max(1, intent.rows / Partitioning.count) }
        churnRisk = settings.triggers.churnRiskThreshold
        churnClear = settings.triggers.churnRiskClear
        highIntent = settings.triggers.highIntentThreshold
        followUp = settings.triggers.outcomeWindow ?? 0
        followUps = max(1, settings.limits.outcomes / Partitioning.count)
    }

    func write(to out: inout ByteWriter) {
        for value in [churnHorizon, intentWindow] { out.put(value) }
        for value in [anchorDays, anchors, churnRows, intentRows] { out.put(UInt64(value)) }
        for value in [churnRisk, churnClear, highIntent] { out.put(value) }
        out.put(followUp)
        out.put(UInt64(followUps))
    }

    /// - Parameter isWhole: false: from before outcomes of triggers were looked for.
    init(from input: inout ByteReader, isWhole: Bool) throws(StateError) {
        churnHorizon = try input.get()
        intentWindow = try input.get()
        anchorDays = try input.getSize()
        anchors = try input.getSize()
        churnRows = try input.getSize()
        intentRows = try input.getSize()
        churnRisk = try input.getDouble()
        churnClear = try input.getDouble()
        highIntent = try input.getDouble()
        if isWhole {
            followUp = try input.get()
            followUps = try input.getSize()
        }
        let bound = 3660 * Microseconds.day
        guard (0...bound).contains(churnHorizon), (0...bound).contains(intentWindow),
            (1...3660).contains(anchorDays), (0...1000).contains(anchors),
            (0...1 << 24).contains(churnRows), (0...1 << 24).contains(intentRows),
            (0...bound).contains(followUp), (0...1 << 34).contains(followUps),
            [churnRisk, churnClear, highIntent].allSatisfy({ (0...1).contains($0) })
        else { throw StateError("saved settings of outcomes hold a value that no configuration can have") }
    }
}
