import Core
import Testing

@testable import Status

/// How a page shows what is recommended.
struct UserRecommendationsTests {
    private func page(_ user: UserView) -> String {
        var json = JSONWriter()
        UserEncoder().encode(user, into: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test func `items and categories stand side by side, in their order`() {
        var user = UserView()
        user.recommendations = [
            Trigger.Item(itemID: "PD0045", score: 3.1, by: "rules"),
            Trigger.Item(itemID: "\"a\"", score: 0.25, by: "als"),
        ]
        user.recommendedCategories = [.init(category: "Apparel", amount: 120.5)]
        #expect(
            page(user).contains(
                #""recommendations":[{"item_id":"PD0045","score":3.1,"by":"rules"},"#
                    + #"{"item_id":"\"a\"","score":0.25,"by":"als"}],"#
                    + #""recommended_categories":[{"category":"Apparel","amount":120.5}]"#))
    }

    @Test func `neither is there where it is empty`() {
        #expect(!page(UserView()).contains("recommend"))
    }
}
