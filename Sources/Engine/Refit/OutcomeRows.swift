import Core

/// What a partition hands to a fit of an outcome: rows whose outcome is known, by time of capture; those of
/// one anchor by a hash of the user, those of carts as they were decided. So the order of arrival does not
/// show.
package struct OutcomeRows: FitColumns, Equatable {
    package var names: [String]
    /// Shape [features][rows].
    package var features: [[Float]]
    /// Per feature how far the newest that any of its values knows lies after the row's anchor, microseconds;
    /// negative or 0, unless something was known too early.
    package var lead: [Int64]
    /// When the features were as they are, microseconds.
    package var anchor: [Int64] = []
    /// 1 where the outcome came within the horizon after the anchor.
    package var label: [UInt8] = []
    /// 1 for users kept for judging: by a hash of the id.
    package var heldOut: [UInt8] = []
    package var from: Int64 = .max
    package var to: Int64 = .min

    package var rows: Int { label.count }

    package init(names: [String]) {
        self.names = names
        features = Array(repeating: [], count: names.count)
        lead = Array(repeating: .min, count: names.count)
    }

    package mutating func append(_ other: OutcomeRows) {
        precondition(names == other.names, "rows of two kinds do not add up")
        for index in features.indices {
            features[index].append(contentsOf: other.features[index])
            lead[index] = max(lead[index], other.lead[index])
        }
        anchor.append(contentsOf: other.anchor)
        label.append(contentsOf: other.label)
        heldOut.append(contentsOf: other.heldOut)
        from = min(from, other.from)
        to = max(to, other.to)
    }

    fileprivate mutating func append(
        _ row: ArraySlice<Float>, anchor instant: Int64, label outcome: UInt8, heldOut held: UInt8,
        horizon: Int64
    ) {
        for (index, value) in row.enumerated() { features[index].append(value) }
        anchor.append(instant)
        label.append(outcome)
        heldOut.append(held)
        from = min(from, instant)
        to = max(to, instant + horizon)
    }
}

extension Partition {
    func churnRows() -> OutcomeRows {
        var rows = OutcomeRows(names: ChurnFeature.names)
        for set in anchors.sets where set.isJoined && !set.slots.isEmpty {
            for (row, slot) in set.slots.enumerated() {
                let start = row * ChurnFeature.count
                rows.append(
                    set.features[start..<start + ChurnFeature.count], anchor: set.instant,
                    label: set.labels[row], heldOut: isHeldOut(Int(slot)),
                    horizon: settings.outcomes.churnHorizon)
            }
            for feature in ChurnFeature.allCases {
                let lead = feature.isOfPurchases ? set.purchaseLead : set.eventLead
                rows.lead[feature.rawValue] = max(rows.lead[feature.rawValue], lead)
            }
        }
        return rows
    }

    func intentRows() -> OutcomeRows {
        var rows = OutcomeRows(names: IntentFeature.names)
        for number in 0..<intents.count where intents.isClosed(number, at: frontier) {
            let row = intents.row(number)
            rows.append(
                row.features, anchor: row.time, label: row.label, heldOut: isHeldOut(row.slot),
                horizon: settings.outcomes.intentWindow)
        }
        // The event itself is the newest that is known.
        if rows.rows > 0 { rows.lead = rows.lead.map { _ in 0 } }
        return rows
    }
}

extension Shard {
    package func churnRows() -> [(partition: Int, columns: OutcomeRows)] { columns { $0.churnRows() } }

    package func intentRows() -> [(partition: Int, columns: OutcomeRows)] { columns { $0.intentRows() } }
}
