package access

import "context"

// Account is what a person may know of their own account.
type Account struct {
	User        // without the password's hash
	HasPassword bool
}

// Account answers the actor's own account.
func (c *Control) Account(ctx context.Context, a Actor) (Account, error) {
	if err := c.Gate.See(ctx, a, ManageOwnAccount, On{Object: a.ID}); err != nil {
		return Account{}, err
	}
	u, err := c.store.UserByID(ctx, a.ID)
	if err != nil {
		return Account{}, err
	}
	own := Account{User: u, HasPassword: u.Password != ""}
	own.Password = ""
	return own, nil
}
