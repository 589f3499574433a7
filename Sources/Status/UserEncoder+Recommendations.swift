import Core

extension JSONWriter {
    /// `recommendations` and, beside them, `recommended_categories`; neither where it is empty.
    mutating func recommendations(of user: UserView) {
        TriggerEncoder.encode(user.recommendations, as: "recommendations", into: &self)
        guard !user.recommendedCategories.isEmpty else { return }
        key("recommended_categories")
        beginArray()
        for category in user.recommendedCategories {
            beginObject()
            key("category")
            value(category.category)
            key("amount")
            value(category.amount)
            endObject()
        }
        endArray()
    }
}
