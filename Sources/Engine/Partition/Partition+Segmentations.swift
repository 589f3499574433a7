import Core
import Models

extension Shard {
    package func segmentationColumns(
        _ features: [UserFeature], decidedOnly: Bool
    ) -> [(partition: Int, columns: SegmentColumns)] {
        columns { $0.segmentationColumns(features, decidedOnly: decidedOnly) }
    }

    /// Members of each segment of a segmentation beside the first, and the means of their features when it was
    /// adopted.
    package func segmentTotals(by name: String) -> SegmentationTotals {
        var totals = SegmentationTotals()
        forEachPartition { partition in
            guard let state = partition.segmentations.first(where: { $0.name == name }),
                let model = state.model
            else { return }
            totals.version = state.version
            totals.features = model.features
            for (id, name) in Self.groups(model) {
                let sums = state.features.indices.map { state.sums[id * state.features.count + $0] }
                totals.add(
                    .init(
                        id: id, name: name, users: state.users[id], converted: state.converted[id],
                        summed: state.summed[id], sums: sums))
            }
        }
        return totals
    }
}

/// A segmentation's groups over several partitions.
package struct SegmentationTotals: Sendable {
    package struct Group: Sendable {
        package var id: Int
        package var name: String
        package var users: Int64
        package var converted: Int64
        /// Members at adoption, and sums of their features, in millionths.
        package var summed: Int64
        package var sums: [Int64]
    }

    /// 0 before the first is adopted.
    package var version = 0
    package var features: [String] = []
    package var groups: [Group] = []

    package init() {}

    package mutating func add(_ other: SegmentationTotals) {
        version = max(version, other.version)
        if features.isEmpty { features = other.features }
        for group in other.groups { add(group) }
    }

    mutating func add(_ group: Group) {
        guard let place = groups.firstIndex(where: { $0.id == group.id }) else {
            groups.append(group)
            return
        }
        groups[place].users += group.users
        groups[place].converted += group.converted
        groups[place].summed += group.summed
        for index in group.sums.indices {
            groups[place].sums[index] = saturatingSum(groups[place].sums[index], group.sums[index])
        }
    }
}

extension Partition {
    /// A row per user who is scored. Where only buyers are, silence and age are those of their purchases.
    func segmentationColumns(_ features: [UserFeature], decidedOnly: Bool) -> SegmentColumns {
        var columns = SegmentColumns(features: features.count)
        var reader = reader(features, decidedOnly: decidedOnly, instant: decidedOnly ? frontier : now)
        let ofBuyers = features.contains(where: \.needsPurchase)
        beginSweep()
        defer { endSweep() }
        for slot in 0..<users.count where read(slot, &reader) {
            let user = users[slot]
            for (index, value) in reader.values.enumerated() { columns.features[index].append(value) }
            let last = decidedOnly ? user.pointee.lastDecided : user.pointee.lastSeen
            let silence = Double(max(0, reader.instant - last)) / Double(Microseconds.day)
            let age = Double(max(0, reader.instant - user.pointee.firstSeen)) / Double(Microseconds.day)
            let sincePurchase =
                reader.days > 0 ? Double(max(0, reader.asOf - reader.lastDay)) : Double.nan
            columns.daysSinceLastEvent.append(ofBuyers ? sincePurchase : silence)
            columns.daysSinceFirstEvent.append(
                ofBuyers ? Double(max(0, reader.asOf - reader.firstDay)) : age)
            columns.daysSinceLastPurchase.append(sincePurchase)
            columns.revenue.append(Double(reader.revenue) / 1e6)
            columns.heldOut.append(isHeldOut(slot))
            columns.from = min(columns.from, user.pointee.firstSeen)
            columns.to = max(columns.to, last)
        }
        return columns
    }

    /// Takes a segmentation beside the first into use and assigns everybody; moves are decided at `instant`.
    func adoptSegmentation(_ verdict: VerdictEntry) throws(StateError) {
        preserveAll()
        let place = segmentations.firstIndex { $0.name == verdict.name } ?? segmentations.count
        if place == segmentations.count { segmentations.append(Segmentation(name: verdict.name)) }
        var state = segmentations[place]
        let oldNames = (0..<SegmentState.idLimit).map { state.name(of: $0) }
        try state.adopt(verdict.bytes, version: verdict.version)
        let decidedOnly = verdict.scheduled
        var reader = reader(
            state.features, decidedOnly: decidedOnly, instant: decidedOnly ? frontier : now)
        beginSweep()
        defer { endSweep() }
        for slot in 0..<users.count {
            let old = state.segment(of: slot)
            let id = read(slot, &reader) ? assign(reader, state) : -1
            state.begin(
                slot, in: id, features: reader.values,
                converted: users[slot].pointee.has(UserRecord.converted))
            if old >= 0, id >= 0, oldNames[old] != state.name(of: id) {
                moved(
                    slot, in: state, from: oldNames[old], to: state.name(of: id), due: verdict.instant,
                    ofAdoption: true)
            }
            if id >= 0 { awaitSessionClose(slot) }
        }
        segmentations[place] = state
    }

    /// A session that is still open will close.
    private func awaitSessionClose(_ slot: Int) {
        let user = users[slot]
        guard user.pointee.lastDecided != .min, user.pointee.lastDecided + terms.shortGap >= decidedThrough,
            !user.pointee.has(UserRecord.sessionQueued)
        else { return }
        user.pointee.flags |= UserRecord.sessionQueued
        push(.sessionClose, slot, user.pointee.lastDecided + terms.shortGap)
    }

    private func assign(_ reader: borrowing FeatureReader, _ state: Segmentation) -> Int {
        guard let model = state.model else { return -1 }
        return reader.values.withUnsafeBufferPointer {
            Int(model.assign(features: $0.baseAddress.unsafelyUnwrapped))
        }
    }

    /// A short session has closed: the user's segments are decided anew.
    func closeSessionInSegmentations(_ slot: Int, due: Int64) {
        for place in segmentations.indices where segmentations[place].isFitted {
            var reader = reader(segmentations[place].features, decidedOnly: true, instant: due)
            guard read(slot, &reader) else { continue }
            let id = assign(reader, segmentations[place])
            let old = segmentations[place].segment(of: slot)
            if id == old { continue }
            segmentations[place].put(
                slot, into: id, converted: users[slot].pointee.has(UserRecord.converted))
            guard old >= 0 else { continue }
            let state = segmentations[place]
            moved(
                slot, in: state, from: state.name(of: old), to: state.name(of: id), due: due,
                ofAdoption: false)
        }
    }

    private func moved(
        _ slot: Int, in state: Segmentation, from: String, to: String, due: Int64, ofAdoption: Bool
    ) {
        fire(.segmentMoved, slot, due: due) { trigger in
            trigger.occurrence = state.occurrence(ofAdoption: ofAdoption)
            trigger.from = from
            trigger.to = to
            trigger.model = state.label
        }
    }

    /// A member has bought for the first time.
    func convertedInSegmentations(_ slot: Int) {
        for place in segmentations.indices { segmentations[place].convertedOne(slot) }
    }

    /// Takes an erased user out.
    func leaveSegmentations(_ slot: Int) {
        let isConverted = users[slot].pointee.has(UserRecord.converted)
        for place in segmentations.indices {
            segmentations[place].put(slot, into: -1, converted: isConverted)
        }
    }

    // MARK: Pages

    /// The user's groups, and how far those are that they should come to, as of an instant.
    func memberships(_ slot: Int, at instant: Int64) -> [UserView.Membership] {
        segmentations.compactMap { state in
            let id = state.segment(of: slot)
            guard id >= 0, let model = state.model else { return nil }
            var membership = UserView.Membership(
                segmentation: state.name, segment: .init(id: id, name: state.name(of: id)))
            let target = model.segments.first { Int($0.id) == id }?.target
            var reader = reader(state.features, decidedOnly: false, instant: instant)
            if let target, read(slot, &reader) {
                let distance = reader.values.withUnsafeBufferPointer {
                    model.distance(features: $0.baseAddress.unsafelyUnwrapped, to: target)
                }
                membership.target = .init(id: Int(target), name: state.name(of: Int(target)))
                membership.distance = distance
            }
            return membership
        }
    }

    /// Whether a user is in the segment of this name.
    func isMember(_ slot: Int, of segment: String, by segmentation: String) -> Bool {
        guard let state = segmentations.first(where: { $0.name == segmentation }) else { return false }
        let id = state.segment(of: slot)
        return id >= 0 && state.name(of: id) == segment
    }
}
