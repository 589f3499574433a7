package import Core
import Models

/// What users are told apart by: a dimension, a segmentation, a tier, a grade or the RFM cell.
package enum UserGroup: Sendable, Equatable {
    case dimension(Dimension)
    case segment
    /// A segmentation beside the first.
    case segmentation(String)
    case tier
    case grade
    case rfmCell

    package static let all: [UserGroup] =
        ValueTotals.dimensions.map { .dimension($0) } + [.segment]
        + SettingsKeys.segmentations.map { .segmentation($0) } + [.tier, .grade, .rfmCell]

    /// Name in the contract.
    package var text: String {
        switch self {
        case .dimension(let dimension): dimension.text
        case .segment: "segment"
        case .segmentation(let name): name
        case .tier: "tier"
        case .grade: "grade"
        case .rfmCell: "rfm_cell"
        }
    }
}

/// Users by two groupings at once.
///
/// Pairs that are kept as events come are exact. Any other is counted when it is asked for, over at most so many users,
/// evenly strided through each partition: exact while there are no more, else each stands for as many as the stride is
/// wide. So the cost is bounded whatever the number of users.
package struct CrossTotals: AnalyticsTotals {
    package struct Cell: Sendable, Equatable {
        /// Estimated for all users, where not all were looked at.
        package var totals = MemberTotals()
        /// Looked at.
        package var seen: Int64 = 0
        package var seenConverted: Int64 = 0

        package mutating func add(_ other: Cell) {
            totals.add(other.totals)
            seen += other.seen
            seenConverted += other.seenConverted
        }
    }

    /// Users of whom at least one of both is known.
    package private(set) var cells: [PairTotals.Key: Cell] = [:]
    package private(set) var users: Int64 = 0
    /// Users looked at.
    package private(set) var sampled: Int64 = 0

    package init() {}

    package mutating func add(_ other: CrossTotals) {
        users += other.users
        sampled += other.sampled
        for (key, cell) in other.cells { cells[key, default: Cell()].add(cell) }
    }

    fileprivate mutating func add(_ pairs: PairTotals, isSwapped: Bool) {
        for (key, totals) in pairs.values where totals.users > 0 {
            let own = isSwapped ? PairTotals.Key(first: key.second, second: key.first) : key
            cells[own, default: Cell()].add(
                Cell(totals: totals, seen: totals.users, seenConverted: totals.converted))
        }
    }

    fileprivate mutating func count(_ partition: Partition) {
        users += Int64(partition.users.count - partition.users.erasedCount)
    }

    fileprivate mutating func seeAll() { sampled = users }

    /// - Parameter most: users of one partition that are looked at.
    fileprivate mutating func add(_ partition: Partition, _ by: UserGroup, _ with: UserGroup, most: Int) {
        count(partition)
        let slots = partition.users.count
        let step = max(1, (slots + most - 1) / most)
        var found: [UInt64: Cell] = [:]
        let needsMains = by.isDimension || with.isDimension
        for slot in stride(from: 0, to: slots, by: step) {
            let user = partition.users[slot]
            if user.pointee.has(UserRecord.erased) { continue }
            sampled += 1
            let mains = needsMains ? partition.mains(user) : MainValues()
            let first = partition.code(slot, of: by, mains)
            let second = partition.code(slot, of: with, mains)
            if first == nil, second == nil { continue }
            let key = UInt64(first ?? .max) << 32 | UInt64(second ?? .max)
            found[key, default: Cell()].add(
                Cell.standing(for: Int64(step), partition.member(slot)))
        }
        for (key, cell) in found {
            let named = PairTotals.Key(
                first: partition.name(UInt32(truncatingIfNeeded: key >> 32), of: by),
                second: partition.name(UInt32(truncatingIfNeeded: key), of: with))
            cells[named, default: Cell()].add(cell)
        }
    }
}

extension CrossTotals.Cell {
    fileprivate static func standing(for count: Int64, _ member: MemberTotals) -> CrossTotals.Cell {
        var cell = CrossTotals.Cell(totals: member, seen: member.users, seenConverted: member.converted)
        cell.totals.users *= count
        cell.totals.converted *= count
        cell.totals.purchases *= count
        cell.totals.revenue *= Int128(count)
        return cell
    }
}

extension UserGroup {
    fileprivate var isDimension: Bool {
        if case .dimension = self { true } else { false }
    }
}

extension Partition {
    /// The partition's own number of a user's group; nil: none.
    fileprivate func code(_ slot: Int, of group: UserGroup, _ mains: MainValues) -> UInt32? {
        switch group {
        case .dimension(let dimension): return mains[dimension]
        case .segment:
            let code = users[slot].pointee.segment
            return code == 0 ? nil : UInt32(code) - 1
        case .segmentation(let name):
            guard let state = segmentations.first(where: { $0.name == name }), state.isFitted else {
                return nil
            }
            let id = state.segment(of: slot)
            return id < 0 ? nil : UInt32(id)
        case .tier:
            guard let tier = account(slot)?.pointee.tier, tier != 0 else { return nil }
            return UInt32(tier) - 1
        case .grade:
            guard let grade = account(slot)?.pointee.grade, grade != 0 else { return nil }
            return UInt32(grade) - 1
        case .rfmCell:
            return cell(slot).map {
                UInt32($0.recency) << 8 | UInt32($0.frequency) << 4 | UInt32($0.monetary)
            }
        }
    }

    private func cell(_ slot: Int) -> TiersModel.Cell? {
        guard let model = tiers.model, let account = account(slot), account.pointee.dayCount > 0 else {
            return nil
        }
        var sums = PurchaseSums()
        for day in purchaseDays(account) { sums.add(day, asOf: today) }
        guard let values = sums.values(asOf: today) else { return nil }
        return model.cell(
            daysSinceLast: values.daysSinceLast, frequency: values.frequency,
            monetaryValue: values.monetaryValue)
    }

    fileprivate func name(_ code: UInt32, of group: UserGroup) -> String? {
        if code == .max { return nil }
        switch group {
        case .dimension: return text(code)
        case .segment: return named(segments.name(Int(code)), code)
        case .segmentation(let name):
            return named(segmentations.first { $0.name == name }?.name(of: Int(code)) ?? "", code)
        case .tier: return TierRule.names[Int(code)]
        case .grade: return GradeRule.names[Int(code)]
        case .rfmCell:
            return "R\(code >> 8)F\(code >> 4 & 15)M\(code & 15)"
        }
    }

    private func named(_ name: String, _ id: UInt32) -> String { name.isEmpty ? "segment \(id)" : name }
}

extension Shard {
    /// - Parameter most: users that are looked at in all partitions together, where they have to be.
    package func crossed(_ by: UserGroup, _ with: UserGroup, most: Int) -> CrossTotals {
        if let (pairs, isSwapped) = kept(by, with) {
            var totals: CrossTotals = sum { partition, totals in totals.count(partition) }
            totals.seeAll()
            totals.add(pairs, isSwapped: isSwapped)
            return totals
        }
        let each = max(1, most / Partitioning.count)
        return sum { partition, totals in totals.add(partition, by, with, most: each) }
    }

    /// Pairs that are kept, and whether the other way round.
    private func kept(_ by: UserGroup, _ with: UserGroup) -> (PairTotals, Bool)? {
        switch (by, with) {
        case (.dimension(.media), .dimension(.device)): (mediaByDevice(), false)
        case (.dimension(.device), .dimension(.media)): (mediaByDevice(), true)
        case (.dimension(.ageBand), .dimension(.gender)): (ageByGender(), false)
        case (.dimension(.gender), .dimension(.ageBand)): (ageByGender(), true)
        default: nil
        }
    }
}
