package import Models
import Core

/// What the partitions hand to a fit of recommendations: of every user with items what they bought, and the
/// lines of purchases that are kept. All of it is decided, so that the order of arrival does not show.
package struct RecommendationColumns: FitColumns {
    package var input = RecommendationsInput()
    /// Lines of purchases that were forgotten before, and the first day of those that are kept.
    package var forgottenLines: Int64 = 0
    package var from: Int64 = .max
    package var to: Int64 = .min
    private var items: [[UInt8]: UInt32] = [:]
    private var categories: [[UInt8]: UInt32] = [:]

    package init() {}

    package var rows: Int { input.count }

    package mutating func append(_ other: RecommendationColumns) {
        let itemNumbers = Self.merge(other.input.items, into: &input.items, &items)
        let categoryNumbers = Self.merge(other.input.categories, into: &input.categories, &categories)
        for (number, merged) in itemNumbers.enumerated() {
            let category = other.input.itemCategories[number]
            let known = category == .max ? .max : categoryNumbers[Int(category)]
            if Int(merged) == input.itemCategories.count {
                input.itemCategories.append(known)
            } else if input.itemCategories[Int(merged)] == .max {
                input.itemCategories[Int(merged)] = known
            }
        }
        let users = UInt32(input.count)
        let (history, amounts) = (UInt32(input.historyItems.count), UInt32(input.amounts.count))
        input.hashes += other.input.hashes
        input.segments += other.input.segments
        input.grades += other.input.grades
        input.historyOffsets += other.input.historyOffsets.dropFirst().map { $0 + history }
        input.historyItems += other.input.historyItems.map { itemNumbers[Int($0)] }
        input.historyCounts += other.input.historyCounts
        input.lineUsers += other.input.lineUsers.map { $0 + users }
        input.lineDays += other.input.lineDays
        input.lineItems += other.input.lineItems.map { itemNumbers[Int($0)] }
        input.amountOffsets += other.input.amountOffsets.dropFirst().map { $0 + amounts }
        input.amountCategories += other.input.amountCategories.map { categoryNumbers[Int($0)] }
        input.amounts += other.input.amounts
        if input.segmentNames.isEmpty { input.segmentNames = other.input.segmentNames }
        forgottenLines += other.forgottenLines
        from = min(from, other.from)
        to = max(to, other.to)
    }

    /// - Returns: the merged number of each name.
    private static func merge(
        _ other: RecommendationsInput.Names, into names: inout RecommendationsInput.Names,
        _ known: inout [[UInt8]: UInt32]
    ) -> [UInt32] {
        (0..<other.count).map { number in
            let name = Array(
                other.text[Int(other.offsets[number])..<Int(other.offsets[number + 1])])
            if let place = known[name] { return place }
            let place = UInt32(names.count)
            known[name] = place
            names.append(name)
            return place
        }
    }
}

extension Shard {
    package func recommendationColumns() -> [(partition: Int, columns: RecommendationColumns)] {
        columns { $0.recommendationColumns() }
    }
}

/// Numbers the strings that are used, in the order of their first use.
private struct UsedNames {
    private(set) var names = RecommendationsInput.Names()
    private var numbers: [UInt32: UInt32] = [:]

    /// - Parameter partition: whose string it is.
    mutating func number(_ string: UInt32, of partition: Partition) -> UInt32 {
        if let known = numbers[string] { return known }
        let number = UInt32(names.count)
        numbers[string] = number
        names.append(partition.strings.bytes(string))
        return number
    }
}

extension Partition {
    func recommendationColumns() -> RecommendationColumns {
        var columns = RecommendationColumns()
        guard !items.isEmpty else { return columns }
        var (itemNames, categoryNames) = (UsedNames(), UsedNames())
        var numbers: [UInt32: UInt32] = [:]
        for slot in 0..<users.count {
            let entries = itemEntries(slot)
            if entries.isEmpty { continue }
            numbers[UInt32(slot)] = UInt32(columns.input.count)
            columns.input.hashes.append(StableHash.hash128(users.id(slot)).0)
            columns.input.segments.append(
                UInt8(truncatingIfNeeded: min(users[slot].pointee.segment, 255)))
            columns.input.grades.append(account(slot)?.pointee.grade ?? 0)
            for entry in entries {
                let number = itemNames.number(entry.item, of: self)
                if Int(number) == columns.input.itemCategories.count {
                    columns.input.itemCategories.append(.max)
                }
                if entry.category != ItemEntry.noCategory {
                    columns.input.itemCategories[Int(number)] = categoryNames.number(
                        entry.category, of: self)
                }
                columns.input.historyItems.append(number)
                columns.input.historyCounts.append(UInt32(entry.purchases))
                columns.to = max(columns.to, entry.lastTime)
                columns.from = min(
                    columns.from, min(entry.lastTime, settings.zone.start(of: entry.firstDay).microseconds))
            }
            columns.input.historyOffsets.append(UInt32(columns.input.historyItems.count))
            for (category, amount) in spentByCategory(slot) {
                columns.input.amountCategories.append(categoryNames.number(category, of: self))
                columns.input.amounts.append(Double(amount) / 1e6)
            }
            columns.input.amountOffsets.append(UInt32(columns.input.amounts.count))
        }
        for index in 0..<lines.count {
            let line = lines[index]
            guard let user = numbers[UInt32(line.slot)] else { continue }
            columns.input.lineUsers.append(user)
            columns.input.lineDays.append(line.day)
            let number = itemNames.number(line.item, of: self)
            // Of an item that nobody's history holds any more the category is not known.
            if Int(number) == columns.input.itemCategories.count { columns.input.itemCategories.append(.max) }
            columns.input.lineItems.append(number)
        }
        columns.input.items = itemNames.names
        columns.input.categories = categoryNames.names
        columns.input.segmentNames = segmentNames()
        columns.input.asOfDay = day(of: frontier)
        columns.forgottenLines = lines.forgotten
        return columns
    }

    /// By number, up to the greatest that a byte holds with one added.
    private func segmentNames() -> [String] {
        segments.isFitted ? (0..<255).map { segments.name($0) } : []
    }
}
