extension UserView {
    /// A category and what the user is expected to spend in it, money.
    package struct RecommendedCategory: Sendable, Equatable {
        package var category: String
        package var amount: Double
        package init(category: String, amount: Double) {
            self.category = category
            self.amount = amount
        }
    }
}
