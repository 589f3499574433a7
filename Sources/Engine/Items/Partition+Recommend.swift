import Core
import Models

extension Partition {
    /// Takes recommendations into use; nothing of a user changes but what is told.
    ///
    /// - Parameter other: another partition that may have the same ones already.
    func adoptRecommendations(_ verdict: VerdictEntry, like other: Partition?) throws(StateError) {
        try recommendations.adopt(
            verdict.bytes, version: verdict.version, settings.items, like: other?.recommendations)
    }

    /// What is recommended to a user, the best first.
    ///
    /// - Parameter waiting: items of purchases that have arrived and are not decided, as `waitingItems` gives them.
    func recommended(_ slot: Int, waiting: [UInt32] = []) -> [Trigger.Item] {
        guard recommendations.isFitted else { return [] }
        return recommendations.recommend(
            bought(slot, waiting), segment: UInt8(truncatingIfNeeded: min(users[slot].pointee.segment, 255)))
    }

    /// Items that a user has bought and that are not in the history yet: numbers of their strings. Looks through all
    /// that waits.
    private func waitingItems(_ slot: Int) -> [UInt32] {
        pendingPurchases.entries.filter { Int($0.slot) == slot }.flatMap { pool.marks($0.items).map(\.item) }
    }

    /// A user's items as the model numbers them, ascending.
    private func bought(_ slot: Int, _ waiting: [UInt32]) -> [Recommender.Bought] {
        let entries = itemEntries(slot)
        guard let names = recommendations.model?.items, !entries.isEmpty || !waiting.isEmpty else {
            return []
        }
        var bought: [Recommender.Bought] = []
        bought.reserveCapacity(entries.count)
        for entry in entries {
            let number = strings.bytes(entry.item).withUnsafeBytes { names.find($0) }
            if let number { bought.append((number, Float(entry.purchases))) }
        }
        for item in waiting {
            let number = strings.bytes(item).withUnsafeBytes { names.find($0) }
            guard let number, !bought.contains(where: { $0.item == number }) else { continue }
            bought.append((number, 1))
        }
        bought.sort { $0.item < $1.item }
        return bought
    }

    /// Money that a user spent by category, millionths, in no order of meaning.
    func spentByCategory(_ slot: Int) -> [(category: UInt32, amount: Int64)] {
        var spent: [(category: UInt32, amount: Int64)] = []
        for entry in itemEntries(slot) where entry.category != ItemEntry.noCategory && entry.amount != 0 {
            if let place = spent.firstIndex(where: { $0.category == entry.category }) {
                spent[place].amount = saturatingSum(spent[place].amount, entry.amount)
            } else {
                spent.append((entry.category, entry.amount))
            }
        }
        return spent
    }

    /// The two categories with the greatest estimates.
    private func recommendedCategories(_ slot: Int) -> [UserView.RecommendedCategory] {
        guard let model = recommendations.model else { return [] }
        let spent = spentByCategory(slot).compactMap { category, amount in
            strings.bytes(category).withUnsafeBytes { model.categories.find($0) }.map {
                (category: $0, amount: Double(amount) / 1e6)
            }
        }.sorted { $0.category < $1.category }
        return model.categories(
            spent, grade: Int(account(slot)?.pointee.grade ?? 0),
            newOnly: settings.items.newCategoriesOnly
        ).map {
            UserView.RecommendedCategory(category: model.categories.string($0.category), amount: $0.amount)
        }
    }

    /// For the user's page.
    func describeRecommendations(_ slot: Int, _ view: inout UserView) {
        guard recommendations.isFitted else { return }
        view.recommendations = recommended(slot, waiting: waitingItems(slot))
        view.recommendedCategories = recommendedCategories(slot)
    }

    /// For a trigger, between its tier and its reasons.
    func putRecommended(_ slot: Int) {
        guard recommendations.isFitted, terms.itemsOnTriggers > 0 else { return }
        triggers.put(items: recommended(slot).prefix(terms.itemsOnTriggers))
    }
}
